//! Which addresses may be connected to: public unicast ones, and what `[outbound] allow_private` names. An address
//! that carries another one inside (IPv4-mapped, 6to4, NAT64) is judged by both.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// One entry of `allow_private`: `ip`, `ip:port` or a network in CIDR form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    network: IpAddr,
    bits: u8,
    port: Option<u16>,
}

/// An entry that is none of the three forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an address (\"10.0.0.5\"), an address and port (\"10.0.0.5:9000\", \"[::1]:9000\") or a network (\"10.0.0.0/24\")"
)]
pub struct BadAllowed;

/// Where instance, container and pod credentials are served, and nothing else is.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    // EKS pod identity.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Whether the address is one of the cloud's metadata services.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

/// Whether the address is public, by the IANA special-purpose registries
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `…-ipv6-…`).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => is_public_v4(four),
            None => is_public_v6(six),
        },
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _) // shared by carriers; Alibaba's metadata lies here
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, ..)
    ) && address.to_bits() != AZURE_WIRE_SERVER.to_bits()
}

/// A public address by its number, but the metadata service of every Azure machine.
const AZURE_WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64 (RFC 6052): reaches the IPv4 address in its last 32 bits.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Protocol assignments (Teredo, ORCHID, …) and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

impl Allowed {
    /// Whether this entry names the address.
    pub(super) fn names(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && match (self.network, address.ip().to_canonical()) {
                (IpAddr::V4(network), IpAddr::V4(four)) => same_start(
                    network.to_bits().into(),
                    four.to_bits().into(),
                    128 - 32 + self.bits,
                ),
                (IpAddr::V6(network), IpAddr::V6(six)) => {
                    same_start(network.to_bits(), six.to_bits(), self.bits)
                }
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
            }
    }
}

/// Whether the first `bits` of 128 agree.
fn same_start(one: u128, other: u128, bits: u8) -> bool {
    (one ^ other).checked_shr(128 - u32::from(bits)).is_none_or(|difference| difference == 0)
}

impl FromStr for Allowed {
    type Err = BadAllowed;

    fn from_str(text: &str) -> Result<Self, BadAllowed> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            let one = Self::single(address.ip());
            return Ok(Self { port: Some(address.port()), ..one });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::single(address));
        }
        let (network, bits) = text.split_once('/').ok_or(BadAllowed)?;
        let network = network.parse::<IpAddr>().or(Err(BadAllowed))?;
        let bits = bits.parse::<u8>().or(Err(BadAllowed))?;
        if bits > width(network) || network != network.to_canonical() {
            return Err(BadAllowed);
        }
        Ok(Self { network, bits, port: None })
    }
}

impl Allowed {
    fn single(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self { network, bits: width(network), port: None }
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.network, port).fmt(f),
            None if self.bits == width(self.network) => self.network.fmt(f),
            None => write!(f, "{}/{}", self.network, self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_PUBLIC: &str = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 \
        169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 \
        192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 239.1.1.1 \
        240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::7f00:1 ::ffff:127.0.0.1 \
        ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe \
        64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1 2001::1 2001:db8::1 3fff::1 100::1 fc00::1 \
        fd00:ec2::254 fe80::1 fec0::1 ff02::1 5f00::1";

    const PUBLIC: &str = "1.1.1.1 52.219.1.1 100.63.255.255 100.128.0.1 172.32.0.1 192.0.1.1 198.20.0.1 \
        223.255.255.255 ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1 2600:1fa0::1 \
        2a05:d000::1";

    #[test]
    fn only_public_unicast_addresses_are_public() {
        for (list, expected) in [(NOT_PUBLIC, false), (PUBLIC, true)] {
            for text in list.split(' ') {
                assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
            }
        }
    }

    #[test]
    fn an_entry_names_what_it_says_and_no_more() {
        let cases = [
            ("127.0.0.1:9000", "127.0.0.1:9000", true),
            ("127.0.0.1:9000", "127.0.0.1:9001", false),
            ("127.0.0.1:9000", "[::ffff:127.0.0.1]:9000", true),
            ("127.0.0.1", "127.0.0.1:1", true),
            ("127.0.0.1", "127.0.0.2:1", false),
            ("10.1.0.0/16", "10.1.255.255:443", true),
            ("10.1.0.0/16", "10.2.0.0:443", false),
            ("0.0.0.0/0", "10.2.0.0:443", true),
            ("0.0.0.0/0", "[fd00::1]:443", false),
            ("[::1]:9000", "[::1]:9000", true),
            ("[::1]:9000", "127.0.0.1:9000", false),
            ("fd00::/8", "[fdff::1]:443", true),
            ("fd00::/8", "[fe00::1]:443", false),
            ("::/0", "[fe80::1]:443", true),
        ];
        for (entry, address, expected) in cases {
            let allowed: Allowed = entry.parse().unwrap();
            assert_eq!(allowed.names(address.parse().unwrap()), expected, "{entry} {address}");
            assert_eq!(allowed.to_string(), entry);
        }
        for bad in
            ["", "localhost", "10.0.0.0/33", "10.0.0/8", "::/129", "::ffff:1.2.3.4/99", "1.2.3.4:x"]
        {
            assert_eq!(bad.parse::<Allowed>(), Err(BadAllowed), "{bad}");
        }
    }

    #[test]
    fn metadata_is_exactly_five_addresses() {
        assert!(is_metadata("169.254.169.254".parse().unwrap()));
        assert!(is_metadata("fd00:ec2::254".parse().unwrap()));
        assert!(is_metadata("fd00:ec2::23".parse().unwrap()));
        assert!(!is_metadata("169.254.169.253".parse().unwrap()));
        assert!(!is_metadata("127.0.0.1".parse().unwrap()));
    }
}

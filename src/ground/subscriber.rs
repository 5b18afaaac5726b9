//! What one client owns of the internet's addresses, so that limits count clients and not addresses: an IPv4 address, or an
//! IPv6 network of 64 bits (RFC 6177).

use std::net::IpAddr;

/// See the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subscriber([u8; 16]);

impl Subscriber {
    #[must_use]
    pub const fn of(client: IpAddr) -> Self {
        Self(match client.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => (address.to_bits() >> 64 << 64).to_be_bytes(),
        })
    }

    /// An IPv4 address as mapped into IPv6 (RFC 4291, section 2.5.5.2).
    #[must_use]
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_client_are_one_subscriber() {
        let of = |text: &str| Subscriber::of(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}

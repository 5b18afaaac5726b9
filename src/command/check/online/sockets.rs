//! Which sockets of this machine listen, by Linux's own list of them.

/// Whether some program here listens at this port on every address. What cannot be read says nothing.
pub(super) fn listens_everywhere(port: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .any(|table| has_open(&table, port))
}

/// proc(5): `sl local_address rem_address st …`, addresses and ports in hex; state 0A listens.
fn has_open(table: &str, port: u16) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(local), Some(_), Some("0A")) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        let Some((address, at)) = local.split_once(':') else { return false };
        address.bytes().all(|digit| digit == b'0') && u16::from_str_radix(at, 16) == Ok(port)
    })
}

#[cfg(test)]
mod tests {
    use super::has_open;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n   \
        1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n   \
        2: 00000000:1F92 00000000:0000 01 00000000:00000000 00:00000000 00000000     0\n   \
        3: 00000000000000000000000000000000:1F93 00000000000000000000000000000000:0000 0A 0\n";

    #[test]
    fn a_socket_is_open_when_it_listens_on_no_address_in_particular() {
        for (port, open) in
            [(8080, false), (8081, true), (8082, false), (8083, true), (8084, false)]
        {
            assert_eq!(has_open(TABLE, port), open, "{port}");
        }
    }
}

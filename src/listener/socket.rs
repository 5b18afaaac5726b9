//! Listening sockets: one per thread on the same address, so that the kernel spreads connections and threads share nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// Unsent bytes that the kernel holds for one connection. Bounds how much of a lapsed answer is on its way already, and
/// makes a blocked write mean that the client is slow: the kernel wakes the writer when half of it is sent, so that a
/// client must take that half within the stall limit to be seen as alive.
const UNSENT: u32 = 64 * 1024;

/// Opens `count` sockets on `address`. Options set here pass on to every connection that is accepted.
pub(super) fn listen(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // SO_REUSEPORT would let two programs of one user share the port without a word
    if address.port() != 0 {
        drop(open(address, false)?);
    }
    let mut sockets: Vec<TcpListener> = Vec::with_capacity(count);
    for _ in 0..count {
        let address = sockets.first().map_or(Ok(address), TcpListener::local_addr)?;
        sockets.push(open(address, true)?);
    }
    Ok(sockets)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(60)))?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(4096)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_a_port_and_strangers_do_not() {
        let sockets = listen(([127, 0, 0, 1], 0).into(), 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == address));
        assert_eq!(listen(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

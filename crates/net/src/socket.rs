//! Established connections: one [`Stream`] over TCP or a unix socket, its options, and its addresses as Redis writes
//! them.
//!
//! The options are Redis's (createClient in networking.c, anetKeepAlive in anet.c): no Nagle delay, keepalive with
//! three probes a third of the interval apart, SO_MARK when asked for.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};

/// Probes without an answer before the kernel gives a peer up.
const KEEPALIVE_PROBES: u32 = 3;

/// A connected, non-blocking socket.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a unix socket.
    Unix {
        /// The socket.
        stream: UnixStream,
        /// The file it was reached by.
        path: Arc<Path>,
    },
}

/// What the configuration says about every accepted socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketOptions {
    /// `tcp-keepalive`: seconds of silence before the first probe; 0 probes never.
    pub keepalive: u32,
    /// `socket-mark-id`: SO_MARK; 0 leaves it alone.
    pub mark: u32,
}

impl Stream {
    /// Applies the options to a socket just accepted or connected. TCP ones mean nothing to a unix socket; a mark
    /// that may not be set (it needs CAP_NET_ADMIN) is left out, as in Redis.
    pub fn configure(&self, options: &SocketOptions) -> io::Result<()> {
        let Stream::Tcp(stream) = self else { return Ok(()) };
        stream.set_nodelay(true)?;
        self.set_keepalive(options.keepalive)?;
        if options.mark != 0 {
            let _ = SockRef::from(stream).set_mark(options.mark);
        }
        Ok(())
    }

    /// Sends the first probe after `seconds` of silence and, unanswered, two more a third of it apart; 0 turns
    /// probing off. Unix sockets need none.
    pub fn set_keepalive(&self, seconds: u32) -> io::Result<()> {
        let Stream::Tcp(stream) = self else { return Ok(()) };
        let socket = SockRef::from(stream);
        if seconds == 0 {
            return socket.set_keepalive(false);
        }
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(seconds.into()))
            .with_interval(Duration::from_secs((seconds / KEEPALIVE_PROBES).max(1).into()))
            .with_retries(KEEPALIVE_PROBES);
        socket.set_tcp_keepalive(&keepalive)
    }

    /// The other end as CLIENT LIST writes `addr`: `127.0.0.1:123`, `[::1]:123`, `/path:0`; `?:0` once it is gone.
    pub fn peer_address(&self) -> String {
        self.address_text(|stream| stream.peer_addr())
    }

    /// This end as CLIENT LIST writes `laddr`, in the same form.
    pub fn local_address(&self) -> String {
        self.address_text(|stream| stream.local_addr())
    }

    fn address_text(&self, which: impl Fn(&TcpStream) -> io::Result<SocketAddr>) -> String {
        match self {
            Stream::Tcp(stream) => which(stream).map_or_else(|_| "?:0".to_owned(), |addr| addr.to_string()),
            Stream::Unix { path, .. } => format!("{}:0", path.display()),
        }
    }

    /// Whether protected mode lets this peer in: it is on this machine. Redis asks for 127.0.0.0/8, ::1 or a unix
    /// socket.
    pub fn is_loopback(&self) -> bool {
        match self {
            Stream::Tcp(stream) => stream.peer_addr().is_ok_and(|addr| addr.ip().is_loopback()),
            Stream::Unix { .. } => true,
        }
    }

    /// Ends one or both directions for both processes that may share the socket.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(how),
            Stream::Unix { stream, .. } => stream.shutdown(how),
        }
    }

    /// Takes the socket's pending error (SO_ERROR).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Stream::Tcp(stream) => stream.take_error(),
            Stream::Unix { stream, .. } => stream.take_error(),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix { stream, .. } => stream,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buf),
            Stream::Unix { stream, .. } => stream.read(buf),
        }
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read_vectored(bufs),
            Stream::Unix { stream, .. } => stream.read_vectored(bufs),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(buf),
            Stream::Unix { stream, .. } => stream.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(bufs),
            Stream::Unix { stream, .. } => stream.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix { stream, .. } => stream.as_raw_fd(),
        }
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::{self, Listener, TcpOptions};

    /// A TCP pair over `bind`: what the server accepted, and the client.
    fn tcp_pair(bind: &str) -> Option<(Stream, std::net::TcpStream)> {
        let listener = Listener::Tcp(mio::net::TcpListener::bind(format!("{bind}:0").parse().unwrap()).ok()?);
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Some((accept(&listener), client))
    }

    /// The client has connected, so the connection is in the queue or will be in a moment.
    fn accept(listener: &Listener) -> Stream {
        for _ in 0..1000 {
            match listener.accept() {
                Ok(stream) => return stream,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                Err(e) => panic!("accept: {e}"),
            }
        }
        panic!("nothing came to accept");
    }

    fn read_some(stream: &mut Stream, buf: &mut [u8]) -> usize {
        for _ in 0..1000 {
            match stream.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                read => return read.unwrap(),
            }
        }
        panic!("nothing came to read");
    }

    #[test]
    fn an_accepted_socket_does_not_block_and_carries_bytes() {
        let (mut server, mut client) = tcp_pair("127.0.0.1").unwrap();
        let mut buf = [0; 16];
        assert_eq!(server.read(&mut buf).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"PING").unwrap();
        assert_eq!(read_some(&mut server, &mut buf), 4);
        server.write_all(b"+PONG").unwrap();
        client.read_exact(&mut buf[..5]).unwrap();
        assert_eq!(&buf[..5], b"+PONG");
        server.shutdown(Shutdown::Both).unwrap();
        assert_eq!(client.read(&mut buf).unwrap(), 0);
    }

    #[test]
    fn addresses_are_written_as_in_client_list() {
        let (server, client) = tcp_pair("127.0.0.1").unwrap();
        let port = client.local_addr().unwrap().port();
        assert_eq!(server.peer_address(), format!("127.0.0.1:{port}"));
        assert_eq!(server.local_address(), client.peer_addr().unwrap().to_string());
        assert!(server.is_loopback());
        // IPv6 may be missing on a machine; where it is there, the brackets are too.
        if let Some((server, client)) = tcp_pair("[::1]") {
            let port = client.local_addr().unwrap().port();
            assert_eq!(server.peer_address(), format!("[::1]:{port}"));
            assert!(server.is_loopback());
        }
    }

    #[test]
    fn a_unix_client_has_the_sockets_path_at_both_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = listen::unix(&path, 0, 16).unwrap();
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let server = accept(&listener);
        let text = format!("{}:0", path.display());
        assert_eq!((server.peer_address(), server.local_address()), (text.clone(), text));
        assert!(server.is_loopback());
        server.configure(&SocketOptions { keepalive: 300, mark: 1 }).unwrap();
    }

    #[test]
    fn options_are_those_of_redis() {
        let (server, _client) = tcp_pair("127.0.0.1").unwrap();
        server.configure(&SocketOptions { keepalive: 300, mark: 0 }).unwrap();
        let Stream::Tcp(stream) = &server else { panic!("not TCP") };
        let socket = SockRef::from(stream);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(300));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(100));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        server.set_keepalive(2).unwrap();
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));
        server.set_keepalive(0).unwrap();
        assert!(!socket.keepalive().unwrap());
    }

    #[test]
    fn a_peer_that_is_gone_has_no_address_but_no_panic() {
        let (server, client) = tcp_pair("127.0.0.1").unwrap();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        for _ in 0..1000 {
            if server.peer_address() == "?:0" {
                assert!(!server.is_loopback());
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the reset never arrived");
    }

    #[test]
    fn listening_on_port_0_opens_nothing() {
        let bind = ["*".to_owned()];
        let options = TcpOptions { bind: &bind, port: 0, backlog: 511, mark: 0, replaced: &[] };
        let mut warn = |text: &str| panic!("{text}");
        assert!(listen::tcp(&options, &mut warn).unwrap().is_empty());
    }
}

//! A [`Link`] is a connection this process opens: to its primary, to a cluster node, to a monitored instance.
//!
//! Connecting never waits for the peer. It does wait for the resolver when given a host name, as Redis's does
//! (anetTcpNonBlockBestEffortBindConnect in anet.c): write addresses where that matters. `bind-source-addr` is best
//! effort, too: an address that cannot be bound is done without.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use mio::net::TcpStream;
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::socket::{SocketOptions, Stream};

/// Where a link goes and what it leaves by.
#[derive(Clone, Copy, Debug)]
pub struct LinkOptions<'a> {
    /// Host name or address of the peer.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// `bind-source-addr`: the address to leave by, if the machine has it.
    pub source: Option<&'a str>,
    /// Keepalive and mark of the socket.
    pub socket: SocketOptions,
}

/// An outgoing connection, perhaps still being made.
#[derive(Debug)]
pub struct Link {
    stream: Stream,
}

impl Link {
    /// Starts to connect, with each resolved address in turn until one does not fail at once. Wait for the stream to
    /// become writable, then ask [`Link::is_connected`].
    pub fn connect(options: &LinkOptions) -> io::Result<Link> {
        let bound = options.source.map(|source| Self::connect_from(options, Some(source)));
        let stream = match bound {
            Some(Ok(stream)) => stream,
            _ => Self::connect_from(options, None)?,
        };
        stream.configure(&options.socket)?;
        Ok(Link { stream })
    }

    fn connect_from(options: &LinkOptions, source: Option<&str>) -> io::Result<Stream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "Name or service not known");
        for peer in (options.host, options.port).to_socket_addrs()? {
            match start(peer, source) {
                Ok(stream) => return Ok(stream),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// Whether the handshake is over: false while it is under way, an error once it has failed.
    pub fn is_connected(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        let Stream::Tcp(stream) = &self.stream else { return Ok(true) };
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The socket, to read, write and register.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The socket alone, once it is used as any other connection.
    pub fn into_stream(self) -> Stream {
        self.stream
    }
}

fn start(peer: SocketAddr, source: Option<&str>) -> io::Result<Stream> {
    let socket = Socket::new(Domain::for_address(peer), Type::STREAM.nonblocking().cloexec(), None)?;
    socket.set_reuse_address(true)?;
    if let Some(source) = source {
        bind_source(&socket, source, peer.is_ipv6())?;
    }
    match socket.connect(&peer.into()) {
        Ok(()) => {}
        Err(e) if e.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
        Err(e) => return Err(e),
    }
    Ok(Stream::Tcp(TcpStream::from_std(socket.into())))
}

fn bind_source(socket: &Socket, source: &str, v6: bool) -> io::Result<()> {
    let mut last = io::Error::from_raw_os_error(Errno::ADDRNOTAVAIL.raw_os_error());
    for address in (source, 0).to_socket_addrs()?.filter(|a| a.is_ipv6() == v6) {
        match socket.bind(&address.into()) {
            Ok(()) => return Ok(()),
            Err(e) => last = e,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    fn link(host: &str, port: u16, source: Option<&str>) -> io::Result<Link> {
        Link::connect(&LinkOptions { host, port, source, socket: SocketOptions::default() })
    }

    fn wait(link: &Link) -> io::Result<()> {
        for _ in 0..1000 {
            if link.is_connected()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("neither connected nor refused");
    }

    #[test]
    fn connects_by_name_without_blocking() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let link = link("localhost", port, None).unwrap();
        wait(&link).unwrap();
        assert_eq!(link.into_stream().peer_address(), format!("127.0.0.1:{port}"));
    }

    #[test]
    fn leaves_by_the_source_address_when_it_can() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let one = link("127.0.0.1", port, Some("127.0.0.2")).unwrap();
        wait(&one).unwrap();
        assert!(one.into_stream().local_address().starts_with("127.0.0.2:"));
        // 192.0.2.0/24 is reserved for documentation: no machine has it.
        let other = link("127.0.0.1", port, Some("192.0.2.1")).unwrap();
        wait(&other).unwrap();
        assert!(other.into_stream().local_address().starts_with("127.0.0.1:"));
    }

    #[test]
    fn a_refused_link_is_an_error_not_a_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let refused = link("127.0.0.1", port, None).and_then(|link| wait(&link));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn an_unknown_host_is_an_error() {
        assert!(link("no such host", 1, None).is_err());
    }
}

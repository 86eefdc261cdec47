//! Listening sockets: what `bind`, `port`, `tcp-backlog`, `unixsocket` and `unixsocketperm` ask for.
//!
//! An address of `bind` is an IPv4 or IPv6 address or a host name; `*` is every IPv4 address, `::*` every IPv6 one,
//! and a leading `-` says that the machine need not have it. IPv6 sockets take IPv6 only, so that `* -::*` can bind
//! both families to one port. The rules of what is fatal and the texts are those of Redis 7 (listenToPort in
//! server.c, anet.c): a missing address family never is, a missing address is not after `-`, all else is.
//!
//! A unix socket gets its permissions from the umask *in* `bind`, never by a chmod after it: between the two anybody
//! could have connected (CVE-2023-45145).

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Arc;

use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use crate::error_text;
use crate::socket::Stream;

/// Where and how to listen for TCP connections.
#[derive(Clone, Copy, Debug)]
pub struct TcpOptions<'a> {
    /// The words of the `bind` directive; none means no TCP at all.
    pub bind: &'a [String],
    /// The port, the same on every address; 0 means no TCP at all.
    pub port: u16,
    /// Length of the kernel's queue of connections not yet accepted (the kernel caps it at somaxconn).
    pub backlog: i32,
    /// `socket-mark-id`: SO_MARK of the listening socket; 0 leaves it alone.
    pub mark: u32,
    /// Sockets that listen now and are closed once these do, whose addresses may be the same or overlap
    /// ([`Listener::another`]).
    pub replaced: &'a [OwnedFd],
}

/// Listening failed for good; the reason was reported as a warning first, as Redis does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// One of the addresses of `bind` could not be used.
    Tcp {
        /// The port that was asked for.
        port: u16,
    },
    /// The unix socket could not be opened, with the reason.
    Unix(String),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::Tcp { port } => write!(f, "Failed listening on port {port} (tcp), aborting."),
            ListenError::Unix(reason) => write!(f, "Failed opening Unix socket: {reason}"),
        }
    }
}

impl std::error::Error for ListenError {}

/// A socket that takes connections. Dropping it closes it; the file of a unix socket stays, as Redis decides at
/// shutdown whether to unlink it.
#[derive(Debug)]
pub enum Listener {
    /// Listens on one address and port.
    Tcp(TcpListener),
    /// Listens on a file.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// The file, as configured: it is the address that CLIENT LIST shows for both ends.
        path: Arc<Path>,
    },
}

impl Listener {
    /// Takes the next connection from the queue, non-blocking and closed on exec.
    /// [`io::ErrorKind::WouldBlock`] says that there is none.
    pub fn accept(&self) -> io::Result<Stream> {
        loop {
            match self.accept_once() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                accepted => return accepted,
            }
        }
    }

    fn accept_once(&self) -> io::Result<Stream> {
        Ok(match self {
            Listener::Tcp(listener) => Stream::Tcp(listener.accept()?.0),
            Listener::Unix { listener, path } => {
                Stream::Unix { stream: listener.accept()?.0, path: Arc::clone(path) }
            }
        })
    }

    /// The address it is bound to; `None` for a unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix { .. } => None,
        }
    }

    /// Another descriptor of the socket of one that listens for TCP connections.
    pub fn another(&self) -> io::Result<Option<OwnedFd>> {
        match self {
            Listener::Tcp(listener) => listener.as_fd().try_clone_to_owned().map(Some),
            Listener::Unix { .. } => Ok(None),
        }
    }

    /// What Redis calls the type of connection: "tcp" or "unix".
    pub fn kind(&self) -> &'static str {
        match self {
            Listener::Tcp(_) => "tcp",
            Listener::Unix { .. } => "unix",
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Listener::Tcp(listener) => listener,
            Listener::Unix { listener, .. } => listener,
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Listener::Tcp(listener) => listener.as_raw_fd(),
            Listener::Unix { listener, .. } => listener.as_raw_fd(),
        }
    }
}

impl Source for Listener {
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

/// Opens one listening socket for each address of `bind`. Each that fails is told to `warn`, in Redis's words; when
/// that is fatal, those already open are closed again.
pub fn tcp(options: &TcpOptions, warn: &mut dyn FnMut(&str)) -> Result<Vec<Listener>, ListenError> {
    share(options.replaced, true);
    let opened = open_all(options, warn);
    share(options.replaced, false);
    // Nobody else may listen beside those that stay.
    opened.iter().flatten().for_each(|socket| share(std::slice::from_ref(socket), false));
    Ok(opened?.into_iter().map(|socket| Listener::Tcp(TcpListener::from_std(socket.into()))).collect())
}

/// Lets sockets share their addresses with others that do, or not any more. One that can't will be in the way, and told of.
fn share(sockets: &[impl AsFd], shared: bool) {
    for socket in sockets {
        let _ = SockRef::from(socket).set_reuse_port(shared);
    }
}

fn open_all(options: &TcpOptions, warn: &mut dyn FnMut(&str)) -> Result<Vec<Socket>, ListenError> {
    let mut listeners = Vec::with_capacity(options.bind.len());
    if options.port == 0 {
        return Ok(listeners);
    }
    for word in options.bind {
        let (address, optional) = match word.strip_prefix('-') {
            Some(address) => (address, true),
            None => (word.as_str(), false),
        };
        match open_tcp(address, options) {
            Ok(socket) => listeners.push(socket),
            Err(failure) => {
                let port = options.port;
                warn(&format!(
                    "Warning: Could not create server TCP listening socket {address}:{port}: {failure}"
                ));
                if !failure.is_harmless(optional) {
                    return Err(ListenError::Tcp { port });
                }
            }
        }
    }
    Ok(listeners)
}

/// Opens the unix socket `path`, which replaces whatever file has that name. `permissions` are its mode bits, applied
/// without a moment in which it has others; 0 leaves them to the process's umask.
///
/// It changes the process's umask for the moment of the bind, so no other thread may create files meanwhile: open it
/// before any is started.
pub fn unix(path: &Path, permissions: u32, backlog: i32) -> Result<Listener, ListenError> {
    let fail = |reason: String| ListenError::Unix(reason);
    let address = unix_address(path).map_err(fail)?;
    // A file left by a server that died must not stop the next one; if this fails, bind says why.
    let _ = std::fs::remove_file(path);
    let socket = new_socket(Domain::UNIX).map_err(|failure| fail(failure.to_string()))?;
    bind_with_permissions(&socket, &address, permissions).map_err(|e| fail(Failure::Bind(e).to_string()))?;
    socket.listen(backlog).map_err(|e| fail(Failure::Listen(e).to_string()))?;
    Ok(Listener::Unix { listener: UnixListener::from_std(socket.into()), path: Arc::from(path) })
}

/// Why a listening socket could not be made: the call that failed, and its error.
enum Failure {
    Resolve(io::Error),
    Create(io::Error),
    Option(&'static str, io::Error),
    Bind(io::Error),
    Listen(io::Error),
}

impl Failure {
    fn error(&self) -> &io::Error {
        match self {
            Failure::Resolve(e) | Failure::Create(e) | Failure::Option(_, e) => e,
            Failure::Bind(e) | Failure::Listen(e) => e,
        }
    }

    /// Whether the server can do without this address: its whole family is missing, or it alone and it is optional.
    fn is_harmless(&self, optional: bool) -> bool {
        use rustix::io::Errno;
        let Some(errno) = self.error().raw_os_error().map(Errno::from_raw_os_error) else { return false };
        match errno {
            Errno::ADDRNOTAVAIL => optional,
            Errno::NOPROTOOPT
            | Errno::PROTONOSUPPORT
            | Errno::SOCKTNOSUPPORT
            | Errno::PFNOSUPPORT
            | Errno::AFNOSUPPORT => true,
            _ => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = error_text(self.error());
        match self {
            Failure::Resolve(_) => f.write_str(&text),
            Failure::Create(e) => {
                write!(f, "unable to bind socket, errno: {}", e.raw_os_error().unwrap_or(0))
            }
            Failure::Option("", _) => write!(f, "setsockopt: {text}"),
            Failure::Option(name, _) => write!(f, "setsockopt {name}: {text}"),
            Failure::Bind(_) => write!(f, "bind: {text}"),
            Failure::Listen(_) => write!(f, "listen: {text}"),
        }
    }
}

/// The family is chosen by how the word is written, as Redis does: a colon makes it IPv6.
fn open_tcp(address: &str, options: &TcpOptions) -> Result<Socket, Failure> {
    let v6 = address.contains(':');
    let address = resolve(address, options.port, v6).map_err(Failure::Resolve)?;
    let socket = new_socket(if v6 { Domain::IPV6 } else { Domain::IPV4 })?;
    if v6 {
        socket.set_only_v6(true).map_err(|e| Failure::Option("", e))?;
    }
    if !options.replaced.is_empty() {
        share(std::slice::from_ref(&socket), true);
    }
    socket.bind(&address.into()).map_err(Failure::Bind)?;
    socket.listen(options.backlog).map_err(Failure::Listen)?;
    if options.mark != 0 {
        // Needs CAP_NET_ADMIN; without it Redis goes on unmarked, and so do we.
        let _ = socket.set_mark(options.mark);
    }
    Ok(socket)
}

/// A non-blocking stream socket, closed on exec, that may take an address still in TIME_WAIT.
fn new_socket(domain: Domain) -> Result<Socket, Failure> {
    let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None).map_err(Failure::Create)?;
    socket.set_reuse_address(true).map_err(|e| Failure::Option("SO_REUSEADDR", e))?;
    Ok(socket)
}

fn resolve(address: &str, port: u16, v6: bool) -> io::Result<SocketAddr> {
    let host = match address {
        "*" => "0.0.0.0",
        "::*" => "::",
        other => other,
    };
    let mut found = (host, port).to_socket_addrs()?.filter(|a| a.is_ipv6() == v6);
    found.next().ok_or_else(|| io::Error::other("Address family for hostname not supported"))
}

fn unix_address(path: &Path) -> Result<SockAddr, String> {
    /// sizeof(sockaddr_un.sun_path) on Linux, the final NUL included.
    const SUN_PATH_SIZE: usize = 108;
    let length = path.as_os_str().len();
    if length >= SUN_PATH_SIZE {
        return Err(format!("unix socket path too long ({length}), must be under {SUN_PATH_SIZE}"));
    }
    SockAddr::unix(path).map_err(|e| error_text(&e))
}

fn bind_with_permissions(socket: &Socket, address: &SockAddr, permissions: u32) -> io::Result<()> {
    if permissions == 0 {
        return socket.bind(address);
    }
    // A socket's file is made with mode 0777 less the umask.
    let _restored = Umask::set(Mode::from_raw_mode(0o777 & !permissions));
    socket.bind(address)
}

/// The process's umask, changed for the life of this value.
struct Umask(Mode);

impl Umask {
    fn set(mask: Mode) -> Self {
        Umask(rustix::process::umask(mask))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}

#[cfg(test)]
mod tests;

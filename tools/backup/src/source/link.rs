//! A blocking connection to a server, which neither hangs nor grows whatever the server does.
//!
//! The tool knows a server by the wire alone. Every wait has a time-out, every reply a limit. Only RESP2 is spoken, which every
//! version answers.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use endpoint::{Address, Endpoint};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::error::{Error, Result};

/// The longest line of a reply, in bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// The longest string of a reply, in bytes: INFO with every section is far shorter.
const LONGEST_STRING: usize = 16 << 20;

/// Elements that a reply has at most.
const MOST_ELEMENTS: usize = 4096;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`, `:1`, or a string: its text.
    Text(String),
    /// `-ERR ...`, without the dash.
    Error(String),
    /// The texts of an array; what has none is empty.
    Array(Vec<String>),
    /// No value.
    Nil,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// An open, authenticated connection.
pub struct Link {
    stream: BufReader<Box<dyn Stream>>,
    address: Address,
    is_local: bool,
}

impl Link {
    /// Connects and authenticates; `patience` bounds connecting, and later each wait.
    ///
    /// # Errors
    /// [`Error::Server`], [`Error::Refused`].
    pub fn open(address: &Address, patience: Duration) -> Result<Self> {
        let broken = |error: io::Error| server_error(address, &error);
        let (stream, is_local): (Box<dyn Stream>, _) = match &address.endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).map_err(broken)?;
                stream.set_read_timeout(Some(patience)).map_err(broken)?;
                stream.set_write_timeout(Some(patience)).map_err(broken)?;
                (Box::new(stream), true)
            }
            Endpoint::Tcp { host, port } => {
                let stream = connect(host, *port, patience).map_err(broken)?;
                let is_local = is_this_machine(&stream);
                match address.tls {
                    true => (Box::new(secure(stream, host, address)?), is_local),
                    false => (Box::new(stream), is_local),
                }
            }
        };
        let stream = BufReader::with_capacity(64 << 10, stream);
        let mut link = Self { stream, address: address.clone(), is_local };
        link.authenticate()?;
        Ok(link)
    }

    fn authenticate(&mut self) -> Result<()> {
        let Some(password) = self.address.password.clone() else { return Ok(()) };
        let user = self.address.user.clone();
        let mut command: Vec<&str> = vec!["AUTH"];
        command.extend(user.as_deref());
        command.push(password.reveal());
        self.expect("AUTH", &command).map(drop)
    }

    /// The server's URL without credentials.
    pub fn url(&self) -> &str {
        &self.address.url
    }

    /// Whether the other end is on this machine, as far as addresses tell.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Sends a command and reads its reply, which may be an error.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn call(&mut self, command: &[&str]) -> Result<Reply> {
        let mut request = Vec::new();
        encode(&mut request, command.iter().map(|argument| argument.as_bytes()));
        self.send(&request)?;
        self.reply()
    }

    /// Sends a command that must not fail; gives the text of its reply.
    ///
    /// # Errors
    /// [`Error::Refused`] for an error reply, [`Error::Server`].
    pub fn expect(&mut self, name: &'static str, command: &[&str]) -> Result<String> {
        match self.call(command)? {
            Reply::Text(text) => Ok(text),
            Reply::Error(text) => Err(self.refused(name, &text)),
            _ => Err(self.nonsense()),
        }
    }

    /// Sends bytes that are commands.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn send(&mut self, request: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        let sent = stream.write_all(request).and_then(|()| stream.flush());
        sent.map_err(|error| server_error(&self.address, &error))
    }

    /// The next reply.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn reply(&mut self) -> Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| self.nonsense())?;
        match kind {
            "+" | ":" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            "$" | "*" if rest == "-1" => Ok(Reply::Nil),
            "$" => self.string(rest).map(Reply::Text),
            "*" => self.array(rest).map(Reply::Array),
            _ => Err(self.nonsense()),
        }
    }

    /// A line, without its end.
    ///
    /// # Errors
    /// [`Error::Server`].
    pub fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| server_error(&self.address, &error))?;
        match line.strip_suffix(b"\n") {
            Some(line) => Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()),
            None if line.len() as u64 == LONGEST_LINE => Err(self.nonsense()),
            None => Err(self.closed()),
        }
    }

    fn string(&mut self, length: &str) -> Result<String> {
        let length: usize = length.parse().map_err(|_| self.nonsense())?;
        if length > LONGEST_STRING {
            return Err(self.nonsense());
        }
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).map_err(|error| server_error(&self.address, &error))?;
        match bytes.strip_suffix(b"\r\n") {
            Some(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            None => Err(self.nonsense()),
        }
    }

    fn array(&mut self, length: &str) -> Result<Vec<String>> {
        let length: usize = length.parse().map_err(|_| self.nonsense())?;
        if length > MOST_ELEMENTS {
            return Err(self.nonsense());
        }
        let mut elements = Vec::new();
        for _ in 0..length {
            let line = self.line()?;
            let element = match line.split_at_checked(1) {
                Some(("$", "-1")) => String::new(),
                Some(("$", length)) => self.string(length)?,
                Some(("+" | ":", text)) => text.to_owned(),
                _ => return Err(self.nonsense()),
            };
            elements.push(element);
        }
        Ok(elements)
    }

    /// What the server said to a command, without the password, should it repeat it.
    pub fn refused(&self, command: &'static str, text: &str) -> Error {
        let text =
            self.address.password.as_ref().map_or_else(|| text.to_owned(), |secret| secret.hide_in(text));
        Error::Refused { server: self.address.url.clone(), command, text }
    }

    /// An error on this connection.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::Server { server: self.address.url.clone(), what: what.into() }
    }

    fn nonsense(&self) -> Error {
        self.error("not a reply that Redis gives")
    }

    fn closed(&self) -> Error {
        self.error("the server closed the connection")
    }
}

/// The bytes behind the replies.
impl Read for Link {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.stream.read(room).map_err(|error| server_error(&self.address, &error).into())
    }
}

/// Appends a command as an array of strings.
pub fn encode<'a>(request: &mut Vec<u8>, arguments: impl ExactSizeIterator<Item = &'a [u8]>) {
    request.extend_from_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    for argument in arguments {
        request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        request.extend_from_slice(argument);
        request.extend_from_slice(b"\r\n");
    }
}

fn server_error(address: &Address, error: &io::Error) -> Error {
    let what = match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "the server is silent".to_owned(),
        ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        _ => error.to_string(),
    };
    Error::Server { server: address.url.clone(), what }
}

fn connect(host: &str, port: u16, patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether both ends have the same address, or one that never leaves the machine.
fn is_this_machine(stream: &TcpStream) -> bool {
    let ip = |address: io::Result<std::net::SocketAddr>| address.ok().map(|address| address.ip());
    let (local, peer): (Option<IpAddr>, _) = (ip(stream.local_addr()), ip(stream.peer_addr()));
    peer.is_some_and(|peer| peer.is_loopback()) || (peer.is_some() && peer == local)
}

/// TLS with the host's trusted certificates; SSL_CERT_FILE and SSL_CERT_DIR name others, as for OpenSSL.
fn secure(
    mut stream: TcpStream,
    host: &str,
    address: &Address,
) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let failed = |what: String| Error::Server { server: address.url.clone(), what: format!("TLS: {what}") };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| failed(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| failed(error.to_string()))?;
    }
    Ok(StreamOwned::new(connection, stream))
}

//! A blocking client that shares no code with the server under test.

use crate::Value;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a reply may take before the test fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(30);

trait Stream: Read + Write + Send {
    fn shut(&self, how: Shutdown) -> io::Result<()>;
    fn patience(&self, limit: Duration) -> io::Result<()>;
}

macro_rules! stream {
    ($kind:ty) => {
        impl Stream for $kind {
            fn shut(&self, how: Shutdown) -> io::Result<()> {
                self.shutdown(how)
            }
            fn patience(&self, limit: Duration) -> io::Result<()> {
                self.set_read_timeout(Some(limit))?;
                self.set_write_timeout(Some(limit))
            }
        }
    };
}
stream!(TcpStream);
stream!(UnixStream);

/// One connection. The calls that a test cannot go on without panic and say what came instead.
pub struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Client {
    /// Connects to a port of 127.0.0.1.
    ///
    /// # Errors
    /// What `connect` gave.
    pub fn connect(port: u16) -> io::Result<Client> {
        Client::over_tcp(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// Takes over a connected socket, for tests that need one with options of its own.
    ///
    /// # Errors
    /// When the socket cannot be given its timeouts.
    pub fn over_tcp(stream: TcpStream) -> io::Result<Client> {
        stream.set_nodelay(true)?;
        Client::over(Box::new(stream))
    }

    /// Connects to a unix socket.
    ///
    /// # Errors
    /// What `connect` gave.
    pub fn connect_unix(path: &Path) -> io::Result<Client> {
        Client::over(Box::new(UnixStream::connect(path)?))
    }

    fn over(stream: Box<dyn Stream>) -> io::Result<Client> {
        stream.patience(PATIENCE)?;
        Ok(Client { stream, unread: Vec::new() })
    }

    /// Sends a command and returns its reply.
    ///
    /// # Panics
    /// When the connection ends or the reply is no RESP.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        let reply = self.send(args).and_then(|()| self.read());
        reply.unwrap_or_else(|error| panic!("{}: {error}", readable(args)))
    }

    /// [`Client::call`] with the words of `line`: no quoting, no empty arguments.
    ///
    /// # Panics
    /// As [`Client::call`].
    pub fn line(&mut self, line: &str) -> Value {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Sends a command as an array of bulk strings.
    ///
    /// # Errors
    /// What the socket gave.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        self.send_raw(&request(args))
    }

    /// Sends these bytes as they are.
    ///
    /// # Errors
    /// What the socket gave; time-outs as [`ErrorKind::WouldBlock`].
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] when the server closed, [`ErrorKind::InvalidData`] when it sent no
    /// RESP, [`ErrorKind::WouldBlock`] when nothing came in 30 s (or the time of [`Client::wait_at_most`]).
    pub fn read(&mut self) -> io::Result<Value> {
        loop {
            match Value::parse(&self.unread) {
                Ok(Some((value, used))) => {
                    self.unread.drain(..used);
                    return Ok(value);
                }
                Ok(None) => self.receive()?,
                Err(why) => return Err(io::Error::new(ErrorKind::InvalidData, why.0)),
            }
        }
    }

    /// All bytes until the server closes the connection, those unread before included. A reset counts as
    /// the end: it is how a kernel says that we had written more than the server read.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when the server keeps the connection open.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.receive() {
                Ok(()) => {}
                Err(end) if is_end(&end) => return Ok(std::mem::take(&mut self.unread)),
                Err(other) => return Err(other),
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            n => {
                self.unread.extend_from_slice(&chunk[..n]);
                Ok(())
            }
        }
    }

    /// Bounds every later read and write.
    ///
    /// # Errors
    /// When the socket refuses.
    pub fn wait_at_most(&mut self, limit: Duration) -> io::Result<()> {
        self.stream.patience(limit)
    }

    /// Says that nothing more will be sent; what the server still says can be read.
    ///
    /// # Errors
    /// When the socket refuses.
    pub fn finish_sending(&mut self) -> io::Result<()> {
        self.stream.shut(Shutdown::Write)
    }
}

/// Whether an error says that the other side ended the connection.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

/// A command as a client sends it: an array of bulk strings.
fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn readable<A: AsRef<[u8]>>(args: &[A]) -> String {
    args.iter().map(|arg| arg.as_ref().escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}

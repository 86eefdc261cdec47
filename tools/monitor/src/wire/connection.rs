//! A connection to one server: open, authenticate, ask.

use super::{Budget, Failure, Reply, read_reply};
use crate::target::{Endpoint, Target};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// What a server may cost us.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For opening (with TLS and AUTH), and again for each exchange.
    pub time: Duration,
    /// For each reply.
    pub bytes: usize,
}

impl Default for Limits {
    /// 3 s, the contract of document 000, and 32 MiB: CLIENT LIST of 100,000 clients fits.
    fn default() -> Self {
        Limits { time: Duration::from_secs(3), bytes: 32 << 20 }
    }
}

/// In the answer to AUTH where no password is set, since Redis 6 and before.
const NO_PASSWORD: [&str; 2] = ["without any password configured", "but no password is set"];

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open, authenticated connection. After a [`Failure`] it is of no more use: replies would be out of step.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    limits: Limits,
}

impl Connection {
    /// Connects to `target` and authenticates.
    ///
    /// # Errors
    /// Every [`Failure`]; the text of a refused AUTH never repeats the password, even if the server does.
    pub async fn open(target: &Target, limits: Limits) -> Result<Self, Failure> {
        timeout(limits.time, Self::open_unbounded(target, limits))
            .await
            .unwrap_or(Err(Failure::Timeout("connect")))
    }

    async fn open_unbounded(target: &Target, limits: Limits) -> Result<Self, Failure> {
        let refused = |error: std::io::Error| Failure::Connect(error.to_string());
        let stream: Box<dyn Stream> = match &target.endpoint {
            Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(refused)?),
            Endpoint::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
                stream.set_nodelay(true).map_err(refused)?;
                if target.tls {
                    Box::new(super::tls::secure(stream, host, &target.trust).await?)
                } else {
                    Box::new(stream)
                }
            }
        };
        let mut connection = Connection { stream: BufReader::new(stream), limits };
        connection.authenticate(target).await?;
        Ok(connection)
    }

    async fn authenticate(&mut self, target: &Target) -> Result<(), Failure> {
        let Some(password) = &target.password else { return Ok(()) };
        let auth = match &target.user {
            Some(user) => vec!["AUTH", user, password.reveal()],
            None => vec!["AUTH", password.reveal()],
        };
        match self.call(&auth).await? {
            // The password is there for its neighbours: a Sentinel often has none where its primaries have one.
            Reply::Error(text) if NO_PASSWORD.iter().any(|words| text.contains(words)) => Ok(()),
            Reply::Error(text) => Err(Failure::Refused(password.hide_in(&text))),
            _ => Ok(()),
        }
    }

    /// Sends one command and reads its reply; an error reply is a [`Reply::Error`], not a failure.
    ///
    /// # Errors
    /// The connection's failures: time-out, broken, protocol, too large.
    pub async fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Result<Reply, Failure> {
        let mut replies = self.pipeline(&[command]).await?;
        replies.pop().ok_or_else(|| Failure::Protocol("no reply".into()))
    }

    /// Sends several commands in one write and reads a reply for each, in order.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn pipeline<C: AsRef<[A]>, A: AsRef<[u8]>>(
        &mut self,
        commands: &[C],
    ) -> Result<Vec<Reply>, Failure> {
        let request: Vec<u8> = commands.iter().flat_map(|command| encode(command.as_ref())).collect();
        let exchange = async {
            self.stream.write_all(&request).await.map_err(|error| Failure::Broken(error.to_string()))?;
            let mut replies = Vec::with_capacity(commands.len());
            for _ in commands {
                replies.push(read_reply(&mut self.stream, &mut Budget::new(self.limits.bytes)).await?);
            }
            Ok(replies)
        };
        timeout(self.limits.time, exchange).await.unwrap_or(Err(Failure::Timeout("reply")))
    }

    /// The next message of a server that talks unasked, as after MONITOR.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn next(&mut self) -> Result<Reply, Failure> {
        let mut budget = Budget::new(self.limits.bytes);
        let message = read_reply(&mut self.stream, &mut budget);
        timeout(self.limits.time, message).await.unwrap_or(Err(Failure::Timeout("reply")))
    }
}

/// A command as an array of bulk strings.
fn encode<A: AsRef<[u8]>>(command: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for argument in command.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

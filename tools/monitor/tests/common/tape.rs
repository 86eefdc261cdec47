//! Tapes: what a monitor asked a server and what the server answered, byte for byte; and servers on loopback that answer from one.
//!
//! A tape is a file of RESP: a request, its reply, the next request, and so on. No question is on it twice, so that the order of
//! asking does not matter. `examples/record.rs` makes tapes, `tests/versions` plays them.
#![allow(dead_code, reason = "the recorder and the tests each use a part")]

use std::fs;
use std::io::{self, BufRead, BufReader, Error, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// Questions and answers as they were on the wire, in the order of asking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tape(Vec<(Vec<u8>, Vec<u8>)>);

impl Tape {
    /// Reads a file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let mut rest = bytes.as_slice();
        let mut tape = Tape::default();
        while !rest.is_empty() {
            let (question, answer) = (frame(&mut rest)?, frame(&mut rest)?);
            tape.add(question, answer);
        }
        Ok(tape)
    }

    /// Writes a file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(
            path,
            self.0
                .iter()
                .flat_map(|(question, answer)| [&question[..], answer].concat())
                .collect::<Vec<u8>>(),
        )
    }

    /// Adds an answer; the first to each question stays.
    pub fn add(&mut self, question: Vec<u8>, answer: Vec<u8>) {
        if self.find(&question).is_none() {
            self.0.push((question, answer));
        }
    }

    /// The answer to a question.
    pub fn find(&self, question: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == question).map(|(_, answer)| answer.as_slice())
    }

    /// The text of the bulk reply to a command of these words.
    pub fn text(&self, words: &[&str]) -> Option<&str> {
        let question = words.iter().fold(format!("*{}\r\n", words.len()), |request, word| {
            format!("{request}${}\r\n{word}\r\n", word.len())
        });
        let answer = std::str::from_utf8(self.find(question.as_bytes())?).ok()?;
        answer.strip_prefix('$')?.strip_suffix("\r\n")?.split_once("\r\n").map(|(_, text)| text)
    }
}

/// The bytes of the next request or reply, RESP2.
pub fn frame(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if from.read_until(b'\n', &mut bytes)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let length = || {
        let line = std::str::from_utf8(&bytes[1..]).map_err(Error::other)?;
        line.trim_end().parse::<i64>().map_err(Error::other)
    };
    match bytes[0] {
        b'$' => {
            if let Ok(length) = usize::try_from(length()?) {
                let start = bytes.len();
                bytes.resize(start + length + 2, 0);
                from.read_exact(&mut bytes[start..])?;
            }
        }
        b'*' => {
            for _ in 0..length()? {
                bytes.extend(frame(from)?);
            }
        }
        _ => {}
    }
    Ok(bytes)
}

/// Listens on loopback and gives each request to `answer`, until the process ends.
pub fn serve(answer: impl Fn(Vec<u8>) -> io::Result<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || converse(&stream, answer.as_ref()));
        }
    });
    address
}

/// Ends with an error when the visitor leaves.
fn converse(mut stream: &TcpStream, answer: &impl Fn(Vec<u8>) -> io::Result<Vec<u8>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream);
    loop {
        let reply = answer(frame(&mut requests)?)?;
        stream.write_all(&reply)?;
    }
}

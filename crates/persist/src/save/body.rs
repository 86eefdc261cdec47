//! A file under way: what stands in front of its keys, the keys, and what ends it.

use std::io::{self, Write};

use engine::{Engine, REDIS_VERSION};
use formats::aof::{self, Checksums};
use formats::rdb::file::{FileWriter, Options};
use keyspace::Size;

/// Bytes of commands that are written at once, each time with a checksum line behind them.
const CHUNK: usize = 64 << 10;

/// A file of either form, written to a sink that need not be buffered.
pub enum Body<W: Write> {
    /// An RDB file.
    Rdb(FileWriter<W>),
    /// Commands.
    Commands(CommandWriter<W>),
}

impl<W: Write> Body<W> {
    /// Begins an RDB file as of `now`, in Unix milliseconds, which is the base of an append-only file or not.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub fn rdb(
        engine: &Engine,
        sink: W,
        options: Options,
        is_base: bool,
        sizes: &[Size],
        now: i64,
    ) -> io::Result<Body<W>> {
        let mut file = FileWriter::new(sink, options)?;
        file.aux("redis-ver", REDIS_VERSION.as_bytes())?;
        file.aux("redis-bits", usize::BITS.to_string().as_bytes())?;
        file.aux("ctime", (now / 1000).to_string().as_bytes())?;
        file.aux("used-mem", engine.used_memory().to_string().as_bytes())?;
        file.aux("aof-base", if is_base { b"1" } else { b"0" })?;
        for (db, size) in (0..).zip(sizes).filter(|(_, size)| size.keys > 0) {
            file.database(db, size.keys as u64, size.volatile as u64)?;
        }
        Ok(Body::Rdb(file))
    }

    /// Begins a file of commands, with checksum lines or without, and with a time in front, in Unix seconds, if there is to be
    /// one.
    pub fn commands(sink: W, checksums: bool, time: Option<i64>) -> Body<W> {
        let mut buffer = Vec::new();
        if let Some(seconds) = time {
            aof::timestamp(&mut buffer, seconds);
        }
        let sums = checksums.then(Checksums::default);
        Body::Commands(CommandWriter { sink, buffer, sums })
    }

    /// Writes whole keys, as an [`Encoder`](super::encode::Encoder) of the same form gives them.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encoded(&mut self, keys: &[u8]) -> io::Result<()> {
        match self {
            Body::Rdb(file) => file.encoded(keys),
            Body::Commands(file) => file.append(keys),
        }
    }

    /// Ends the file, and gives the sink back, to which all is written.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Body::Rdb(file) => file.finish(),
            Body::Commands(mut file) => {
                file.flush()?;
                Ok(file.sink)
            }
        }
    }
}

/// Writes commands.
pub struct CommandWriter<W> {
    sink: W,
    /// Whole commands that are not written yet.
    buffer: Vec<u8>,
    sums: Option<Checksums>,
}

impl<W: Write> CommandWriter<W> {
    fn append(&mut self, commands: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(commands);
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(sums) = &mut self.sums {
            sums.seal(&mut self.buffer, 1);
        }
        self.sink.write_all(&self.buffer)?;
        self.buffer.clear();
        self.buffer.shrink_to(2 * CHUNK);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::aof::{Reader, Record};

    #[test]
    fn commands_have_checksums_and_the_time() {
        for (checksums, time) in [(false, None), (true, None), (true, Some(1_700_000_000))] {
            let mut file = Body::commands(Vec::new(), checksums, time);
            let mut command = Vec::new();
            aof::command(&mut command, ["SET", "k", &"v".repeat(CHUNK / 3)].iter());
            (0..10).for_each(|_| file.encoded(&command).expect("memory"));
            let bytes = file.finish().expect("memory");
            let (mut reader, mut commands, mut times) = (Reader::new(&bytes[..], true), 0, Vec::new());
            while let Some(record) = reader.next().expect("sound") {
                match record {
                    Record::Command(_) => commands += 1,
                    Record::Timestamp(seconds) => times.push(seconds),
                    _ => {}
                }
            }
            assert_eq!((commands, times), (10, Vec::from_iter(time)));
            assert_eq!(reader.checksums(), if checksums { 4 } else { 0 });
            assert_eq!(reader.verified(), if checksums { bytes.len() as u64 } else { 0 });
        }
    }
}

//! A walk over the commands of a file: up to where they are sound, and what is wrong then.

use std::io::{self, Read};

use formats::aof::block::has_hole;
use formats::aof::{Cut, Error, ErrorKind, ReadError, Reader, Record};
use resp::Args;

use super::part::Place;
use super::{Part, Problem};
use crate::output::Output;

/// Records between two looks at the progress.
const STEP: u64 = 4096;

/// A walk under way.
#[derive(Debug, Default)]
pub struct Log {
    /// Up to where in the file all is whole: commands, and transactions.
    pub sound: u64,
    /// How many line ends were passed, those of annotations not counted, as in redis-check-aof.
    pub lines: u64,
    /// Where the argument or the line begins that was read last.
    part: u64,
    /// Whether a MULTI is open.
    in_multi: bool,
    /// Where the block begins whose end has not come yet.
    block: Option<u64>,
}

/// Why a walk ended before the end.
#[derive(Debug)]
pub enum Ended {
    /// Something is wrong; and the line that redis-check-aof prints, if it does.
    Wrong(Problem, Option<String>),
    /// What begins here is too young.
    Young(u64),
    /// A timestamp that is no number.
    NoTimestamp,
    /// The file cannot be read on.
    Io(io::Error),
}

impl Log {
    /// Walks to the end of the file, or to the first timestamp above `to_timestamp`, and counts what it sees in `part`.
    pub fn walk<R: Read>(
        &mut self,
        reader: &mut Reader<R>,
        to_timestamp: Option<i64>,
        place: &Place<'_>,
        part: &mut Part,
        out: &Output,
    ) -> Result<(), Ended> {
        let mut records = 0u64;
        loop {
            let start = reader.offset();
            if !self.in_multi {
                self.sound = start;
            }
            match reader.next() {
                Ok(Some(Record::Command(args))) => {
                    part.count(args.at(0));
                    self.lines += 1 + 2 * args.len() as u64;
                    self.command(args, start, place)?;
                    let last = args.at(args.len() - 1).len() as u64;
                    self.part = reader.offset() - last - 2;
                }
                Ok(Some(annotation)) => {
                    self.part = start;
                    part.annotations += 1;
                    match annotation {
                        Record::Block(_) => self.block = Some(start),
                        Record::Checksum => self.block = None,
                        _ => {}
                    }
                    match (annotation, to_timestamp) {
                        (Record::Timestamp(seconds), Some(most)) if seconds > most => {
                            return Err(Ended::Young(start));
                        }
                        (Record::Timestamp(seconds), _) => part.at(seconds),
                        (Record::Other(line), Some(_)) if line.starts_with(b"#TS:") => {
                            return Err(Ended::NoTimestamp);
                        }
                        _ => {}
                    }
                }
                Ok(None) if self.in_multi => return Err(self.open_multi()),
                Ok(None) if self.leave_block_out(place) => {
                    return Err(self.problem("A sector of the last block was never on disk".into()));
                }
                Ok(None) => return Ok(()),
                Err(ReadError::Io(error)) => return Err(Ended::Io(error)),
                Err(ReadError::Format(error)) => {
                    self.lines += reader.lines_passed();
                    self.leave_block_out(place);
                    return Err(self.wrong(error, place));
                }
            }
            records += 1;
            if records.is_multiple_of(STEP) {
                out.reached(reader.offset());
            }
        }
    }

    /// Keeps track of transactions; the command begins here.
    fn command(&mut self, args: Args<'_>, start: u64, place: &Place<'_>) -> Result<(), Ended> {
        let command = args.at(0);
        let (what, is_wrong) = if command.eq_ignore_ascii_case(b"multi") {
            ("MULTI", std::mem::replace(&mut self.in_multi, true))
        } else if command.eq_ignore_ascii_case(b"exec") {
            ("EXEC", !std::mem::replace(&mut self.in_multi, false))
        } else {
            return Ok(());
        };
        if !is_wrong {
            return Ok(());
        }
        let header = |number: usize| "*\r\n".len() + number.to_string().len();
        self.part = start + (header(args.len()) + header(command.len())) as u64;
        Err(self.problem(format!("Unexpected {what} in AOF {}", place.path.display())))
    }

    /// Leaves the block under way out if a sector of it may be missing, as a server does. Answers whether it did.
    fn leave_block_out(&mut self, place: &Place<'_>) -> bool {
        let torn = self.block.filter(|start| has_hole(place.path, *start).unwrap_or(false));
        if let Some(start) = torn {
            self.part = start;
            self.sound = self.sound.min(start);
        }
        torn.is_some()
    }

    fn open_multi(&self) -> Ended {
        self.problem("Reached EOF before reading EXEC for MULTI".into())
    }

    fn problem(&self, error: String) -> Ended {
        let line = format!("0x{:>16x}: {error}", self.part);
        Ended::Wrong(Problem { offset: self.part, error }, Some(line))
    }

    fn wrong(&mut self, error: Error, place: &Place<'_>) -> Ended {
        self.part = error.offset;
        let problem = || Problem { offset: error.offset, error: error.to_string() };
        match error.kind {
            ErrorKind::Start(_) => Ended::Wrong(problem(), Some(format!("AOF {} format error", place.name))),
            ErrorKind::Truncated(Cut::Command) if self.in_multi => self.open_multi(),
            ErrorKind::Truncated(Cut::Command) => Ended::Wrong(problem(), None),
            ErrorKind::Checksum { from } => {
                self.sound = self.sound.min(from);
                self.problem(error.to_string())
            }
            _ => self.problem(error.to_string()),
        }
    }
}

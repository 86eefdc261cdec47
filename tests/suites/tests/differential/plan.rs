//! Rounds: what is sent over which connection, in what order.
//!
//! A round is a list of steps that depends on its seed alone. Commands go out in batches, one connection at
//! a time, so that pipelining is exercised and the order of execution is still the same on both servers.

use crate::atoms::Atoms;
use crate::grammar::{Argv, Grammar, Piece, Sample};
use std::fmt;
use suites::Shortened;

/// Connections of a round to each server.
pub const CONNECTIONS: usize = 3;

/// One command as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its words.
    pub argv: Argv,
    /// Whether it goes as a line of words and not as an array.
    pub inline: bool,
}

/// One step of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These commands in one write; their replies are read before the next step.
    Batch {
        /// Which of the connections.
        connection: usize,
        /// At least one.
        requests: Vec<Request>,
    },
    /// Time passes.
    Wait,
}

/// The steps of the round with this seed: about `commands` commands.
pub fn round(grammar: &Grammar, seed: u64, commands: usize) -> Vec<Step> {
    let mut planner = Planner { atoms: Atoms::new(seed), steps: Vec::new(), in_multi: [false; CONNECTIONS] };
    let mut sent = 0;
    while sent < commands {
        let connection = planner.atoms.rng.usize(0..CONNECTIONS);
        let size = planner.batch_size();
        sent += planner.batch(grammar, connection, size);
    }
    planner.steps
}

struct Planner {
    atoms: Atoms,
    steps: Vec<Step>,
    in_multi: [bool; CONNECTIONS],
}

impl Planner {
    fn batch_size(&mut self) -> usize {
        match self.atoms.rng.u8(0..10) {
            0..5 => 1,
            5..9 => self.atoms.rng.usize(2..10),
            _ => self.atoms.rng.usize(10..80),
        }
    }

    fn batch(&mut self, grammar: &Grammar, connection: usize, size: usize) -> usize {
        let mut sent = 0;
        while sent < size {
            let Sample { pieces, exact } = grammar.sample(&mut self.atoms);
            // What is queued runs at EXEC, so a wait before it would prove nothing.
            if pieces.contains(&Piece::Wait) && self.in_multi[connection] {
                continue;
            }
            for piece in pieces {
                match piece {
                    Piece::Wait => self.steps.push(Step::Wait),
                    Piece::Command(argv) => {
                        let argv = if exact { argv } else { self.altered(argv) };
                        self.push(connection, argv, sent > 0);
                        sent += 1;
                    }
                }
            }
        }
        sent
    }

    /// Adds a command, to the last batch when it may join it.
    fn push(&mut self, connection: usize, argv: Argv, join: bool) {
        if argv[0].eq_ignore_ascii_case(b"MULTI") {
            self.in_multi[connection] = true;
        } else if ends_transaction(&argv) {
            self.in_multi[connection] = false;
        }
        let inline = self.atoms.chance(3) && argv.iter().all(|arg| is_plain(arg));
        let request = Request { argv, inline };
        match self.steps.last_mut() {
            Some(Step::Batch { connection: same, requests })
                if join && *same == connection && !requests.last().is_some_and(Request::is_whole_scan) =>
            {
                requests.push(request);
            }
            _ => self.steps.push(Step::Batch { connection, requests: vec![request] }),
        }
    }

    /// Damages one command in sixteen, then takes out what would become due while the round runs.
    fn altered(&mut self, mut argv: Argv) -> Argv {
        if self.atoms.chance(6) {
            self.damage(&mut argv);
        }
        postpone(&mut argv);
        argv
    }

    fn damage(&mut self, argv: &mut Argv) {
        let last = argv.len() - 1;
        let at = self.atoms.rng.usize(0..argv.len());
        match self.atoms.rng.u8(0..6) {
            0 if last > 0 => drop(argv.pop()),
            1 if at > 0 => drop(argv.remove(at)),
            2 => argv.push(self.atoms.anything()),
            3 if at > 0 => argv[at] = self.atoms.anything(),
            4 if at > 0 => argv.insert(at, argv[at].clone()),
            5 if last > 1 => argv.swap(last, last - 1),
            _ => argv.push(argv[last].clone()),
        }
    }
}

impl Request {
    /// Whether the runner goes on with the cursor that this returns, so nothing may come in between.
    pub fn is_whole_scan(&self) -> bool {
        self.argv.len() > 1 && self.argv[0].eq_ignore_ascii_case(b"SCAN") && self.argv[1] == b"0"
    }

    /// The bytes that are sent.
    pub fn encoded(&self) -> Vec<u8> {
        if self.inline {
            return [&self.argv.join(&b' '), b"\r\n".as_slice()].concat();
        }
        let mut bytes = format!("*{}\r\n", self.argv.len()).into_bytes();
        for arg in &self.argv {
            bytes.extend(format!("${}\r\n", arg.len()).bytes().chain(arg.iter().copied()).chain(*b"\r\n"));
        }
        bytes
    }
}

/// As one would type it into redis-cli.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.argv.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            if is_plain(arg) {
                write!(f, "{space}{}", String::from_utf8_lossy(arg))?;
            } else {
                write!(f, "{space}\"{}\"", Shortened(arg))?;
            }
        }
        f.write_str(if self.inline { "    (inline)" } else { "" })
    }
}

/// Whether an argument needs no quotes.
fn is_plain(arg: &[u8]) -> bool {
    !arg.is_empty() && arg.iter().all(|b| b.is_ascii_alphanumeric() || b"-+.:*#_".contains(b))
}

/// Whether no transaction is open after this. EXEC ends one even when it is refused for its arguments.
pub fn ends_transaction(argv: &Argv) -> bool {
    let word = argv[0].to_ascii_uppercase();
    word == b"EXEC" || argv.len() == 1 && (word == b"DISCARD" || word == b"RESET")
}

/// Shortest relative time that a round surely does not reach, in either unit.
const FAR: i64 = 100_000;

/// The first absolute times that [`Atoms`] makes, in seconds and milliseconds.
const FAR_AT: i64 = 4_102_444_800;
const FAR_AT_MS: i64 = FAR_AT * 1000;

/// Replaces times that would come while the round runs, or that lie behind it where Redis would keep the
/// key until it is next touched (so that DBSIZE would depend on the moment).
fn postpone(argv: &mut Argv) {
    let command = argv[0].to_ascii_uppercase();
    for i in 1..argv.len() {
        let option = argv[i - 1].to_ascii_uppercase();
        let far = match (command.as_slice(), option.as_slice()) {
            (b"SET" | b"GETEX", b"EX" | b"PX") => FAR,
            (b"SET" | b"GETEX", b"EXAT") => FAR_AT,
            (b"SET" | b"GETEX", b"PXAT") => FAR_AT_MS,
            (b"SETEX" | b"PSETEX" | b"EXPIRE" | b"PEXPIRE" | b"RESTORE", _) if i == 2 => FAR,
            _ => continue,
        };
        let number: Option<i64> = std::str::from_utf8(&argv[i]).ok().and_then(|text| text.parse().ok());
        if number.is_some_and(|n| (1..far).contains(&n)) {
            argv[i] = far.to_string().into_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_round() {
        let grammar = Grammar::parse(&["SET <key> <value> [EX <seconds>]\n GET <key>"]);
        assert_eq!(round(&grammar, 3, 200), round(&grammar, 3, 200));
        assert_ne!(round(&grammar, 3, 200), round(&grammar, 4, 200));
    }

    #[test]
    fn nothing_becomes_due_by_itself() {
        let mut argv: Argv =
            ["set", "k", "5", "px", "5", "EXAT", "7"].map(|word| word.as_bytes().to_vec()).into();
        postpone(&mut argv);
        let words: Vec<&str> = argv.iter().map(|arg| std::str::from_utf8(arg).unwrap()).collect();
        assert_eq!(words, ["set", "k", "5", "px", "100000", "EXAT", "4102444800"]);
    }

    #[test]
    fn waits_come_only_outside_transactions() {
        let grammar = Grammar::parse(&["MULTI\n EXEC\n SET a b ; @wait ; GET a"]);
        let mut in_multi = [false; CONNECTIONS];
        let mut last = 0;
        for step in round(&grammar, 1, 500) {
            match step {
                Step::Wait => assert!(!in_multi[last]),
                Step::Batch { connection, requests } => {
                    last = connection;
                    for request in requests {
                        match request.argv[0].to_ascii_uppercase().as_slice() {
                            b"MULTI" => in_multi[connection] = true,
                            b"EXEC" => in_multi[connection] = false,
                            _ => {}
                        }
                    }
                }
            }
        }
    }
}

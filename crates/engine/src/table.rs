//! The command table: every command by name, as `rename-command` has left them.

use resp::Args;

use crate::command::{Begin, Command, Find, Flags, Handler, KeyFlags, KeySpec};
use crate::error::Error;

/// A command in the table.
pub struct Row {
    /// The command.
    pub command: &'static Command,
    /// Its number, by which statistics are kept.
    pub id: usize,
    /// `config|get`: the name in commandstats, ACL rules and errors.
    pub full_name: String,
    /// Its subcommands.
    pub subcommands: Vec<Row>,
    /// Its replies tell of keys, and so of what may not be on disk yet.
    pub tells: bool,
    /// Keys whose place is fixed: first, last (from the end if negative), step.
    pub fixed_keys: Option<(usize, isize, usize)>,
}

/// Every command by name.
pub struct CommandTable {
    rows: Vec<Row>,
    /// A power of two of slots, open addressing: row numbers by the hash of the name.
    slots: Vec<Option<(Box<str>, usize)>>,
    ids: usize,
}

/// The longest name that a command may have: longer ones are unknown without a look.
const MAX_NAME: usize = 32;

impl CommandTable {
    /// A table of these families.
    ///
    /// # Panics
    /// If two commands have one name.
    pub fn new(families: &[&'static [Command]]) -> CommandTable {
        let mut ids = 0;
        let rows: Vec<Row> =
            families.iter().flat_map(|f| f.iter()).map(|c| Row::new(c, None, &mut ids)).collect();
        let slots = vec![None; (rows.len() * 4).next_power_of_two()];
        let mut table = CommandTable { rows, slots, ids };
        for number in 0..table.rows.len() {
            let name = table.rows[number].command.name;
            assert!(table.rename(None, name, number), "two commands are called {name}");
        }
        table
    }

    /// How many commands and subcommands have a number.
    pub fn ids(&self) -> usize {
        self.ids
    }

    /// The commands, in the order of the families.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The commands that can be called, in the order of the families: all that `rename-command` has not hidden.
    pub fn callable(&self) -> Vec<&Row> {
        let mut numbers: Vec<usize> = self.slots.iter().flatten().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| &self.rows[number]).collect()
    }

    /// Every command, and every subcommand behind its container.
    pub fn all(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flat_map(|row| std::iter::once(row).chain(&row.subcommands))
    }

    /// Carries out a `rename-command` directive; an empty new name hides the command.
    pub fn rename_command(&mut self, old: &[u8], new: &[u8]) -> Result<(), &'static str> {
        let number = self.number(old).ok_or("No such command in rename-command")?;
        let old = String::from_utf8_lossy(old).to_ascii_lowercase();
        let new = String::from_utf8_lossy(new).to_ascii_lowercase();
        if new.is_empty() {
            self.remove(&old);
            return Ok(());
        }
        let free = self.rename(Some(&old), &new, number);
        if free { Ok(()) } else { Err("Target command name already exists") }
    }

    fn rename(&mut self, old: Option<&str>, new: &str, number: usize) -> bool {
        if self.number(new.as_bytes()).is_some() {
            return false;
        }
        if let Some(old) = old {
            self.remove(old);
        }
        let slot = self.probe(new.as_bytes()).find(|s| self.slots[*s].is_none());
        if let Some(slot) = slot {
            self.slots[slot] = Some((new.into(), number));
        }
        true
    }

    /// Takes a name out; the others are put in afresh, as open addressing asks.
    fn remove(&mut self, name: &str) {
        let names: Vec<_> =
            self.slots.iter_mut().filter_map(Option::take).filter(|(n, _)| **n != *name).collect();
        for (name, number) in names {
            self.rename(None, &name, number);
        }
    }

    fn probe(&self, lower: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        let start = hash(lower) as usize;
        (0..=mask).map(move |i| (start + i) & mask)
    }

    #[inline]
    fn number(&self, name: &[u8]) -> Option<usize> {
        let mut buffer = [0; MAX_NAME];
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        let mask = self.slots.len() - 1;
        let mut slot = hash(lower) as usize & mask;
        while let Some((known, number)) = &self.slots[slot] {
            if known.as_bytes() == lower {
                return Some(*number);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// The command of this name, in any case.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&Row> {
        self.number(name).map(|number| &self.rows[number])
    }

    /// The command or subcommand of a full name such as `config|get`.
    pub fn get_full(&self, name: &[u8]) -> Option<&Row> {
        match name.iter().position(|b| *b == b'|') {
            None => self.get(name),
            Some(bar) => self.get(&name[..bar])?.subcommand(&name[bar + 1..]),
        }
    }

    /// The command that these arguments call, whatever their number.
    #[inline]
    pub fn lookup(&self, args: Args) -> Result<&Row, Error> {
        let Some(row) = self.get(args.at(0)) else { return Err(unknown(args)) };
        match args.get(1) {
            Some(sub) if !row.subcommands.is_empty() => {
                row.subcommand(sub).ok_or_else(|| unknown_sub(row, sub))
            }
            _ => Ok(row),
        }
    }

    /// The command that these arguments call, with their number checked.
    #[inline]
    pub fn find(&self, args: Args) -> Result<&Row, Error> {
        let row = self.lookup(args)?;
        if !row.accepts(args) {
            return Err(Error::Arity(row.full_name.clone()));
        }
        Ok(row)
    }
}

/// FNV-1a: names are short, and few.
fn hash(lower: &[u8]) -> u64 {
    lower
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ *b as u64).wrapping_mul(0x100_0000_01b3))
        .rotate_left(17)
}

/// Error texts show at most this many bytes of what was sent.
const SHOWN: usize = 128;

/// What was sent, as an error shows it: at most so many bytes.
pub fn shown(bytes: &[u8], most: usize) -> String {
    // As from C's printf, nothing comes behind a zero byte.
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(&text[..text.len().min(most)]).into_owned()
}

fn unknown(args: Args) -> Error {
    let mut list = String::new();
    for arg in args.from(1).iter() {
        if list.len() >= SHOWN {
            break;
        }
        list += &format!("'{}' ", shown(arg, SHOWN - list.len()));
    }
    Error::UnknownCommand { name: shown(args.at(0), SHOWN), args: list }
}

fn unknown_sub(row: &Row, sub: &[u8]) -> Error {
    Error::UnknownSubcommand { sub: shown(sub, SHOWN), command: row.command.name.to_ascii_uppercase() }
}

impl Row {
    /// Whether its name says which command it is: neither a container nor a subcommand.
    #[inline]
    pub fn is_named_alone(&self) -> bool {
        self.subcommands.is_empty() && self.full_name.len() == self.command.name.len()
    }

    /// Whether it takes as many arguments.
    #[inline]
    pub fn accepts(&self, args: Args) -> bool {
        self.command.accepts(args.len())
    }

    fn new(command: &'static Command, container: Option<&str>, ids: &mut usize) -> Row {
        let full_name = match container {
            Some(container) => format!("{container}|{}", command.name),
            None => command.name.to_owned(),
        };
        let id = *ids;
        *ids += 1;
        let subcommands =
            command.subcommands.iter().map(|sub| Row::new(sub, Some(command.name), ids)).collect();
        let fixed_keys = match command.keys {
            [
                KeySpec {
                    begin: Begin::Index(first),
                    find: Find::Range { last, step, limit: 0 | 1 },
                    flags,
                    ..
                },
            ] if !flags.contains(KeyFlags::INCOMPLETE) => {
                // `last` is relative to the first key unless it counts from the end.
                let last = if *last < 0 { *last } else { *first as isize + last };
                Some((*first, last, *step))
            }
            _ => None,
        };
        let tells = !matches!(command.handler, Handler::Server(_) | Handler::Container)
            || command.flags.intersects(Flags::READONLY | Flags::WRITE);
        Row { command, id, full_name, subcommands, tells, fixed_keys }
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&Row> {
        self.subcommands.iter().find(|s| s.command.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: Flags) -> bool {
        self.command.flags.contains(flag)
    }
}

//! Command grammars as text, and random commands from them.
//!
//! A line is `WEIGHT [=] COMMAND [; COMMAND]...`; one that starts with `#` is a comment. In a command:
//!
//! | written | means |
//! |---|---|
//! | `WORD` | the word itself, now and then in another case |
//! | `<atom>` | a random argument of that kind ([`Atoms`]) |
//! | `<atom#1>` | the same argument wherever `#1` stands in the line |
//! | `(a|b c)` | one of the alternatives |
//! | `[a|b c]` | one of them or nothing; neighbouring ones come in any order |
//! | `x...` | once or several times |
//! | `<command>` | the words of another line's command |
//! | `@wait` | time passes until what `<soon>` set is due |
//!
//! A line with `=` is sent as it is; of the others some are damaged on purpose ([`crate::plan`]).

use crate::atoms::{Atom, Atoms};
use std::collections::HashMap;

/// One command: its arguments, the name first.
pub type Argv = Vec<Vec<u8>>;

/// A step of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A command to send.
    Command(Argv),
    /// Time passes.
    Wait,
}

/// A parsed grammar.
pub struct Grammar {
    lines: Vec<Line>,
    total_weight: u32,
}

struct Line {
    weight: u32,
    exact: bool,
    steps: Vec<Step>,
}

enum Step {
    Command(Vec<Node>),
    Wait,
}

enum Node {
    Word(String),
    Atom(Atom, Option<u32>),
    Nested,
    One(Vec<Vec<Node>>),
    Maybe(Vec<Vec<Node>>),
    Many(Box<Node>),
}

/// What a line became.
pub struct Sample {
    /// Its commands and waits in order.
    pub pieces: Vec<Piece>,
    /// Whether they must be sent as they are.
    pub exact: bool,
}

impl Grammar {
    /// Parses grammar texts into one.
    ///
    /// # Panics
    /// On a mistake in a text, with its line.
    pub fn parse(texts: &[&str]) -> Grammar {
        let lines: Vec<Line> = texts.iter().flat_map(|text| text.lines()).filter_map(parse_line).collect();
        let total_weight = lines.iter().map(|line| line.weight).sum();
        Grammar { lines, total_weight }
    }

    /// A random line, spelled out.
    pub fn sample(&self, atoms: &mut Atoms) -> Sample {
        let mut left = atoms.rng.u32(0..self.total_weight);
        let line = self.lines.iter().find(|line| match left.checked_sub(line.weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        let line = line.expect("weights add up to their total");
        let mut bound = HashMap::new();
        let pieces = line.steps.iter().map(|step| match step {
            Step::Wait => Piece::Wait,
            Step::Command(nodes) => {
                let mut argv = Argv::new();
                self.expand(nodes, atoms, &mut bound, &mut argv);
                Piece::Command(argv)
            }
        });
        Sample { pieces: pieces.collect(), exact: line.exact }
    }

    fn expand(&self, nodes: &[Node], atoms: &mut Atoms, bound: &mut Bound, argv: &mut Argv) {
        let mut rest = nodes;
        while let Some(node) = rest.first() {
            let optional = rest.iter().take_while(|node| matches!(node, Node::Maybe(_))).count();
            if optional > 1 {
                let mut order: Vec<&Node> = rest[..optional].iter().collect();
                atoms.rng.shuffle(&mut order);
                order.into_iter().for_each(|node| self.expand_one(node, atoms, bound, argv));
            } else {
                self.expand_one(node, atoms, bound, argv);
            }
            rest = &rest[optional.max(1)..];
        }
    }

    fn expand_one(&self, node: &Node, atoms: &mut Atoms, bound: &mut Bound, argv: &mut Argv) {
        match node {
            Node::Word(word) => argv.push(atoms.spelled(word)),
            Node::Atom(atom, None) => argv.push(atoms.argument(*atom)),
            Node::Atom(atom, Some(name)) => {
                argv.push(bound.entry((*atom, *name)).or_insert_with(|| atoms.argument(*atom)).clone());
            }
            Node::Nested => argv.extend(self.any_command(atoms)),
            Node::One(alternatives) => {
                let chosen = &alternatives[atoms.rng.usize(0..alternatives.len())];
                self.expand(chosen, atoms, bound, argv);
            }
            Node::Maybe(alternatives) => {
                if atoms.rng.u8(0..10) < 4 {
                    let chosen = &alternatives[atoms.rng.usize(0..alternatives.len())];
                    self.expand(chosen, atoms, bound, argv);
                }
            }
            Node::Many(node) => {
                for _ in 0..atoms.repeats() {
                    self.expand_one(node, atoms, bound, argv);
                }
            }
        }
    }

    /// The first command of a random line that holds no further `<command>` and may be altered.
    fn any_command(&self, atoms: &mut Atoms) -> Argv {
        let eligible: Vec<&Vec<Node>> = self
            .lines
            .iter()
            .filter(|line| !line.exact)
            .filter_map(|line| match &line.steps[0] {
                Step::Command(nodes) if !holds_nested(nodes) => Some(nodes),
                _ => None,
            })
            .collect();
        let mut argv = Argv::new();
        self.expand(eligible[atoms.rng.usize(0..eligible.len())], atoms, &mut HashMap::new(), &mut argv);
        argv
    }
}

type Bound = HashMap<(Atom, u32), Vec<u8>>;

fn holds_nested(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Nested => true,
        Node::Word(_) | Node::Atom(..) => false,
        Node::One(all) | Node::Maybe(all) => all.iter().any(|nodes| holds_nested(nodes)),
        Node::Many(node) => holds_nested(std::slice::from_ref(node)),
    })
}

fn parse_line(text: &str) -> Option<Line> {
    if text.trim().is_empty() || text.trim_start().starts_with('#') {
        return None;
    }
    let mut tokens = tokens(text);
    let mut weight = 1;
    if let Ok(number) = tokens[0].parse() {
        weight = number;
        tokens.remove(0);
    }
    let exact = tokens[0] == "=";
    if exact {
        tokens.remove(0);
    }
    let steps = tokens.split(|token| token == ";").map(|step| match step {
        [wait] if wait == "@wait" => Step::Wait,
        command => Step::Command(Parser { tokens: command, line: text }.whole()),
    });
    Some(Line { weight, exact, steps: steps.collect() })
}

const SIGNS: [&str; 6] = ["...", "(", ")", "[", "]", "|"];

/// Words and signs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while !rest.is_empty() {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let next_sign = || SIGNS.iter().filter_map(|sign| rest.find(sign)).min().unwrap_or(rest.len());
            let (token, behind) = rest.split_at(sign.map_or_else(next_sign, |sign| sign.len()));
            tokens.push(token.to_string());
            rest = behind;
        }
    }
    tokens
}

struct Parser<'a> {
    tokens: &'a [String],
    line: &'a str,
}

impl<'a> Parser<'a> {
    fn whole(mut self) -> Vec<Node> {
        let nodes = self.sequence();
        assert!(self.tokens.is_empty(), "unexpected {:?} in: {}", self.tokens[0], self.line);
        assert!(!nodes.is_empty(), "an empty command in: {}", self.line);
        nodes
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn sequence(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some(token) = self.tokens.first() {
            if token == ")" || token == "]" || token == "|" {
                break;
            }
            let node = self.node();
            let many = self.tokens.first().is_some_and(|token| token == "...");
            nodes.push(if many {
                self.next();
                Node::Many(Box::new(node))
            } else {
                node
            });
        }
        nodes
    }

    fn node(&mut self) -> Node {
        let line = self.line;
        match self.next().expect("the caller saw a token") {
            "(" => Node::One(self.alternatives(")")),
            "[" => Node::Maybe(self.alternatives("]")),
            "<command>" => Node::Nested,
            atom if atom.starts_with('<') => {
                let name = atom
                    .trim_start_matches('<')
                    .strip_suffix('>')
                    .unwrap_or_else(|| panic!("no > in: {line}"));
                let (kind, binding) = match name.split_once('#') {
                    Some((kind, binding)) => (kind, Some(binding.parse().expect("a number behind #"))),
                    None => (name, None),
                };
                let kind = Atom::named(kind).unwrap_or_else(|| panic!("no atom {kind:?}, in: {line}"));
                Node::Atom(kind, binding)
            }
            word => Node::Word(word.to_string()),
        }
    }

    fn alternatives(&mut self, close: &str) -> Vec<Vec<Node>> {
        let mut alternatives = vec![self.sequence()];
        loop {
            match self.next() {
                Some("|") => alternatives.push(self.sequence()),
                Some(sign) if sign == close => return alternatives,
                other => panic!("{other:?} where {close:?} was due in: {}", self.line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, seed: u64) -> Vec<String> {
        let sample = Grammar::parse(&[text]).sample(&mut Atoms::new(seed));
        let commands = sample.pieces.into_iter().map(|piece| match piece {
            Piece::Command(argv) => {
                argv.iter().map(|arg| String::from_utf8_lossy(arg).to_uppercase()).collect()
            }
            Piece::Wait => vec!["@wait".to_string()],
        });
        commands.map(|words: Vec<String>| words.join(" ")).collect()
    }

    fn all(text: &str) -> Vec<String> {
        let mut seen: Vec<String> = (0..300).map(|seed| words(text, seed).join(" ; ")).collect();
        seen.sort();
        seen.dedup();
        seen
    }

    #[test]
    fn choices_options_and_their_orders_all_come_up() {
        assert_eq!(all("PING (A|B C)"), ["PING A", "PING B C"]);
        assert_eq!(all("PING [A]"), ["PING", "PING A"]);
        assert_eq!(all("PING [A] [B|C]").len(), 1 + 1 + 2 + 2 * 2);
        assert_eq!(all("GET [A [B]]"), ["GET", "GET A", "GET A B"]);
    }

    #[test]
    fn repetition_is_at_least_once() {
        let seen = all("DEL (K V)...");
        assert!(seen.contains(&"DEL K V".to_string()) && seen.contains(&"DEL K V K V".to_string()));
        assert!(!seen.contains(&"DEL".to_string()));
    }

    #[test]
    fn steps_are_kept_apart_and_bound_atoms_agree() {
        assert_eq!(words("PING ; @wait ; PING", 1), ["PING", "@wait", "PING"]);
        for seed in 0..50 {
            let seen = words("A <value#1> ; B <value#1>", seed);
            assert_eq!(seen[0].strip_prefix("A "), seen[1].strip_prefix("B "));
        }
    }

    #[test]
    fn a_nested_command_never_nests_again() {
        for seed in 0..50 {
            assert!(words("PING\n COMMAND GETKEYS <command>", seed)[0].len() <= "COMMAND GETKEYS PING".len());
        }
    }

    #[test]
    #[should_panic(expected = "no atom \"nonsense\"")]
    fn an_unknown_atom_is_an_error() {
        Grammar::parse(&["GET <nonsense>"]);
    }
}

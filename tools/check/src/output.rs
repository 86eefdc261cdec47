//! What the user sees: lines as Redis's tools print them, or one JSON object; and how far it is, on a terminal.

use std::fmt;
use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where a tool prints.
#[derive(Debug)]
pub struct Output {
    /// Whether one JSON object is printed at the end, and no lines.
    pub json: bool,
    /// On standard error; hidden where that is no terminal.
    bar: ProgressBar,
}

impl Output {
    /// Of lines or of JSON.
    pub fn new(json: bool) -> Self {
        let bar = ProgressBar::no_length();
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {percent:>3}% {bytes} of {total_bytes}, {eta} left")
        {
            bar.set_style(style);
        }
        Self { json, bar }
    }

    /// Prints a line, unless it is to be JSON.
    pub fn line(&self, text: impl fmt::Display) {
        if !self.json {
            self.bar.suspend(|| print(format_args!("{text}\n")));
        }
    }

    /// Asks the user; answers whether it is a yes. Where standard output is for JSON, the question is on standard error.
    pub fn confirms(&self, question: &str) -> bool {
        self.bar.suspend(|| {
            // Whoever cannot see the question does not answer it.
            let _ = match self.json {
                true => write!(io::stderr(), "{question}"),
                false => write!(io::stdout(), "{question}").and_then(|()| io::stdout().flush()),
            };
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).is_ok() && answer.starts_with(['y', 'Y'])
        })
    }

    /// Prints the JSON object, if it is to be JSON.
    pub fn report(&self, report: &impl Serialize) {
        if self.json {
            // The reports are plain structures, which always have a text.
            let text = serde_json::to_string_pretty(report).unwrap_or_default();
            print(format_args!("{text}\n"));
        }
    }

    /// Begins with a file of so many bytes.
    pub fn begin(&self, bytes: u64) {
        self.bar.set_length(bytes);
        self.bar.set_position(0);
    }

    /// So many bytes of the file are done.
    pub fn reached(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// Done with the file.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Prints to standard output; whoever closed it does not want more.
pub fn print(text: fmt::Arguments<'_>) {
    let _ = io::stdout().write_fmt(text);
}

/// What the system says is wrong, without the number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

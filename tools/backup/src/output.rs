//! What the user sees: lines or one JSON object on standard output, remarks and errors on standard error, and how far it is,
//! on a terminal.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::Error;

/// Where a task prints.
pub struct Output {
    json: bool,
    tool: &'static str,
    /// Whether the JSON object was printed.
    reported: Cell<bool>,
    /// On standard error; hidden where that is no terminal.
    bar: ProgressBar,
}

impl Output {
    /// Of lines or of JSON, by this tool.
    pub fn new(tool: &'static str, json: bool) -> Self {
        Self { json, tool, reported: Cell::new(false), bar: ProgressBar::hidden() }
    }

    /// Prints a line, unless it is to be JSON.
    pub fn line(&self, text: impl fmt::Display) {
        if !self.json {
            self.bar.suspend(|| print(format_args!("{text}\n")));
        }
    }

    /// Prints what is no result to standard error, JSON or not.
    pub fn remark(&self, text: impl fmt::Display) {
        self.bar.suspend(|| eprintln!("carnelian {}: {text}", self.tool));
    }

    /// Prints the JSON object, if it is to be JSON.
    pub fn report(&self, report: &impl Serialize) {
        if self.json && !self.reported.replace(true) {
            // The reports are plain structures, which always have a text.
            print(format_args!("{}\n", serde_json::to_string_pretty(report).unwrap_or_default()));
        }
    }

    /// Begins with so many bytes, or with nobody knows how many.
    pub fn begin(&mut self, doing: &'static str, bytes: Option<u64>) {
        let template = match bytes {
            Some(_) => "{msg} {wide_bar} {percent:>3}% {bytes} of {total_bytes}, {eta} left",
            None => "{msg} {spinner} {bytes}, {bytes_per_sec}",
        };
        self.bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new).with_message(doing);
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// So many bytes are done.
    pub fn reached(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// Done with them.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Tells how the task ended, if it did so badly.
    pub fn finish(&self, ended: Result<(), Error>) -> ExitCode {
        self.end();
        let Err(error) = ended else { return ExitCode::SUCCESS };
        self.remark(&error);
        // Unless there was a report, which says it in more words.
        self.report(&Failure { ok: false, error: error.to_string() });
        error.exit_code()
    }
}

/// The JSON of a task that failed.
#[derive(Serialize)]
struct Failure {
    ok: bool,
    error: String,
}

/// A number of bytes for people.
pub fn bytes(count: u64) -> impl fmt::Display {
    HumanBytes(count)
}

/// Prints to standard output; whoever closed it does not want more.
fn print(text: fmt::Arguments<'_>) {
    let _ = io::stdout().write_fmt(text);
}

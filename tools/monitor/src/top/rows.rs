//! Rows like vmstat's: a table that grows, CSV, or JSON lines.

use super::{Plan, Style, Top, elastic};
use crate::collect::{Collector, Round, now_ms};
use crate::columns::{Column, Pairs, Sample, Shape};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Rows after which the head is printed again.
const HEAD_EVERY: u64 = 20;

/// Prints rows until the count is reached or the reader has gone.
pub(super) async fn run(top: &Top, plan: &Plan, collector: &Arc<Collector>) -> io::Result<ExitCode> {
    let columns = Column::shown(top.verbose);
    let mut table =
        Table { style: top.style, color: !top.no_color && is_terminal(), widths: widths(&columns) };
    let mut out: Box<dyn Write> = match &top.csv {
        Some(path) if path.as_os_str() != "-" => Box::new(File::create(path)?),
        _ => Box::new(io::stdout()),
    };
    let mut pairs = Pairs::default();
    first_rounds(collector, plan).await;
    pairs.update(collector.rounds());
    if top.csv.is_none() && !top.json {
        collector.rounds().iter().try_for_each(|round| about(&mut out, round))?;
    }
    let (mut printed, mut answered) = (0, false);
    while plan.count.is_none_or(|count| printed < count) {
        tokio::time::sleep(plan.interval).await;
        pairs.update(collector.rounds());
        answered |= pairs.samples().next().is_some();
        let values: Vec<Option<f64>> = columns
            .iter()
            .map(|column| column.value(pairs.samples().collect::<Vec<Sample<'_>>>().into_iter()))
            .collect();
        match (&top.csv, top.json) {
            (Some(_), _) => csv(&mut out, &columns, &values, printed == 0)?,
            (None, true) => writeln!(out, "{}", object(&columns, &values))?,
            (None, false) => table.row(&mut out, &columns, &values, printed)?,
        }
        out.flush()?;
        if let Some(url) = &top.es {
            elastic::send(url, &columns, &pairs).await;
        }
        printed += 1;
    }
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Waits until every named server answered or failed once.
async fn first_rounds(collector: &Collector, plan: &Plan) {
    let all = async {
        while !plan.targets.iter().all(|target| collector.round(&target.url).is_some()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Longer than any round may take; rows then say `-`.
    let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
}

fn is_terminal() -> bool {
    io::IsTerminal::is_terminal(&io::stdout())
}

/// What a server is: redis-stat's table before the rows.
fn about(out: &mut dyn Write, round: &Round) -> io::Result<()> {
    let url = &round.target.url;
    let facts = match &round.outcome {
        Ok(facts) => facts,
        Err(failure) => return writeln!(out, "{url}: {failure}"),
    };
    writeln!(out, "{url}")?;
    for field in ABOUT {
        if let Some(value) = facts.info.get(field) {
            writeln!(out, "  {field:<28} {}", value.chars().filter(|c| !c.is_control()).collect::<String>())?;
        }
    }
    Ok(())
}

const ABOUT: [&str; 11] = [
    "redis_version",
    "valkey_version",
    "redis_mode",
    "server_mode",
    "process_id",
    "uptime_in_seconds",
    "role",
    "connected_slaves",
    "aof_enabled",
    "rdb_bgsave_in_progress",
    "rdb_last_save_time",
];

fn csv(out: &mut dyn Write, columns: &[&Column], values: &[Option<f64>], head: bool) -> io::Result<()> {
    if head {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        writeln!(out, "time,{}", names.join(","))?;
    }
    let cells: Vec<String> =
        values.iter().map(|value| value.map_or(String::new(), |value| value.to_string())).collect();
    writeln!(out, "{},{}", Timestamp::now(), cells.join(","))
}

/// Raw numbers by column, with `at` in Unix milliseconds.
pub(super) fn object(columns: &[&Column], values: &[Option<f64>]) -> Value {
    let mut object = Map::from_iter([("at".to_owned(), Value::from(now_ms()))]);
    object.extend(
        columns.iter().zip(values).map(|(column, value)| (column.name.to_owned(), Value::from(*value))),
    );
    Value::Object(object)
}

/// The clock's width, and of each column that of its longest number: `25.8k`, `12.3MB`.
fn widths(columns: &[&Column]) -> Vec<usize> {
    let width = |column: &&Column| column.name.len().max(if column.shape == Shape::Bytes { 6 } else { 5 });
    std::iter::once(8).chain(columns.iter().map(width)).collect()
}

struct Table {
    style: Style,
    color: bool,
    widths: Vec<usize>,
}

impl Table {
    fn row(
        &mut self,
        out: &mut dyn Write,
        columns: &[&Column],
        values: &[Option<f64>],
        number: u64,
    ) -> io::Result<()> {
        if number.is_multiple_of(HEAD_EVERY) {
            let names = std::iter::once("time").chain(columns.iter().map(|column| column.name));
            let names: Vec<String> = names.map(str::to_owned).collect();
            writeln!(out, "{}", self.rule(if number == 0 { 0 } else { 1 }))?;
            writeln!(out, "{}", self.line(&names, true))?;
            writeln!(out, "{}", self.rule(1))?;
        }
        let clock = Timestamp::now().to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
        let cells = columns.iter().zip(values).map(|(column, value)| column.text(*value));
        writeln!(out, "{}", self.line(&std::iter::once(clock).chain(cells).collect::<Vec<_>>(), false))
    }

    fn line(&self, cells: &[String], head: bool) -> String {
        let bar = if self.style == Style::Unicode { "│" } else { "|" };
        let mut line = String::from(bar);
        for (place, (cell, width)) in cells.iter().zip(&self.widths).enumerate() {
            let padded = format!("{cell:>width$}");
            line.push_str(&if self.color { paint(&padded, head, place) } else { padded });
            line.push_str(bar);
        }
        line
    }

    /// The line above the head (0) or below it (1).
    fn rule(&self, place: usize) -> String {
        let [dash, left, cross, right] = match (self.style, place) {
            (Style::Ascii, _) => ["-", "+", "+", "+"],
            (Style::Unicode, 0) => ["─", "┌", "┬", "┐"],
            (Style::Unicode, _) => ["─", "├", "┼", "┤"],
        };
        let dashes: Vec<String> = self.widths.iter().map(|width| dash.repeat(*width)).collect();
        format!("{left}{}{right}", dashes.join(cross))
    }
}

/// The head is bold; columns alternate so that the eye keeps its row.
fn paint(text: &str, head: bool, place: usize) -> String {
    let code = match (head, place) {
        (true, _) => "1",
        (false, 0) => "2",
        (false, place) => ["36", "32", "33"][place % 3],
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_in_both_styles() {
        let columns = &Column::shown(false)[..2];
        let mut table = Table { style: Style::Ascii, color: false, widths: widths(columns) };
        let mut out = Vec::new();
        table.row(&mut out, columns, &[Some(28.4), None], 0).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            ["+--------+-----+-----+", "|    time|   us|   sy|", "+--------+-----+-----+"]
        );
        assert!(lines[3].ends_with("|   28|    -|") && lines[3].len() == lines[0].len(), "{text}");
        table.style = Style::Unicode;
        assert_eq!(table.rule(0), "┌────────┬─────┬─────┐");
        let mut out = Vec::new();
        table.row(&mut out, columns, &[None, None], 1).unwrap();
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 1, "the head is not for every row");
    }

    #[test]
    fn the_longest_numbers_fit() {
        let columns = Column::shown(true);
        let widths = widths(&columns);
        for (column, width) in columns.iter().zip(&widths[1..]) {
            for value in
                [12_345_678.0, 1_234.0, 999_400.0].into_iter().filter(|_| column.shape != Shape::Whole)
            {
                let text = column.text(Some(if column.shape == Shape::Ratio { 12.34 } else { value }));
                assert!(text.len() <= *width, "{}: {text}", column.name);
            }
        }
    }
}

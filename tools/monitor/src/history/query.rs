//! Questions to the history.

use super::{Level, open_to_read};
use crate::columns::COLUMNS;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Rows that one answer may have: a day of seconds.
const MAX_ROWS: usize = 90_000;

/// A time span, Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Its first moment.
    pub from: i64,
    /// Its last.
    pub to: i64,
}

/// One answer: times and a list of values for each metric, in the same order.
pub struct History {
    level: Level,
    at: Vec<i64>,
    series: Vec<(&'static str, Vec<Option<f64>>)>,
}

impl History {
    /// What one target did. Metrics are names of columns, all if none is named; the level is the finest that fits the span, unless given.
    ///
    /// # Errors
    /// SQLite's.
    pub fn read(
        path: &Path,
        url: &str,
        metrics: &[&str],
        span: Span,
        level: Option<Level>,
    ) -> rusqlite::Result<Self> {
        let connection = open_to_read(path)?;
        let level = level.unwrap_or_else(|| Level::for_span(span.to.saturating_sub(span.from)));
        // Only names of the table of columns come into the statement.
        let names: Vec<&'static str> = COLUMNS
            .iter()
            .map(|column| column.name)
            .filter(|name| metrics.is_empty() || metrics.contains(name))
            .collect();
        let mut history =
            History { level, at: Vec::new(), series: names.iter().map(|name| (*name, Vec::new())).collect() };
        let list: String = names.iter().map(|name| format!(", \"{name}\"")).collect();
        let statement = format!(
            "SELECT at{list} FROM {} WHERE target = (SELECT id FROM target WHERE url = ?1) AND at BETWEEN ?2 AND ?3 ORDER BY at LIMIT {MAX_ROWS}",
            level.table()
        );
        let mut statement = connection.prepare(&statement)?;
        let mut rows = statement.query((url, span.from, span.to))?;
        while let Some(row) = rows.next()? {
            history.at.push(row.get(0)?);
            for (place, (_, values)) in history.series.iter_mut().enumerate() {
                values.push(row.get(place + 1)?);
            }
        }
        Ok(history)
    }

    /// `{"level": "raw", "at": [...], "series": {"mem": [...], ...}}`
    pub fn to_json(&self) -> Value {
        let series = self.series.iter().map(|(name, values)| ((*name).to_owned(), json!(values)));
        json!({"level": self.level.table(), "at": self.at, "series": series.collect::<serde_json::Map<_, _>>()})
    }

    /// A line of names, then a line a row.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("at");
        self.series.iter().for_each(|(name, _)| text.extend([",", name]));
        for (place, at) in self.at.iter().enumerate() {
            // Writing into a String cannot fail.
            let _ = write!(text, "\n{at}");
            for (_, values) in &self.series {
                let _ = match values[place] {
                    Some(value) => write!(text, ",{value}"),
                    None => write!(text, ","),
                };
            }
        }
        text.push('\n');
        text
    }

    /// The events of a span, oldest first: `[{"at", "target", "kind", "text"}, ...]`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn events(path: &Path, span: Span) -> rusqlite::Result<Value> {
        let connection: Connection = open_to_read(path)?;
        let mut statement = connection.prepare(
            "SELECT at, target, kind, text FROM event WHERE at BETWEEN ?1 AND ?2 ORDER BY at DESC LIMIT 1000",
        )?;
        let events = statement.query_map([span.from, span.to], |row| {
            let (at, target, kind, text): (i64, String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(json!({"at": at, "target": target, "kind": kind, "text": text}))
        })?;
        let mut events = events.collect::<rusqlite::Result<Vec<Value>>>()?;
        events.reverse();
        Ok(Value::Array(events))
    }
}

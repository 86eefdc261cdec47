//! The tables. Their columns are those of the table of columns, so a new one there is one here: an older database gets it at the next start.

use super::Level;
use crate::columns::COLUMNS;
use rusqlite::Connection;
use std::collections::HashSet;

/// Creates what is missing.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS target (id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE);
         CREATE TABLE IF NOT EXISTS event (at INTEGER NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
         CREATE INDEX IF NOT EXISTS event_at ON event (at);",
    )?;
    for level in [Level::Raw, Level::Minute, Level::Hour] {
        let table = level.table();
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (target INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (target, at)) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS {table}_at ON {table} (at);"
        ))?;
        let mut present = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let present: HashSet<String> =
            present.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for name in columns(level).filter(|name| !present.contains(name)) {
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN \"{name}\" REAL"))?;
        }
    }
    Ok(())
}

/// The value columns of a level: a mean, and in roll-ups a maximum beside it.
fn columns(level: Level) -> impl Iterator<Item = String> {
    COLUMNS.iter().flat_map(move |column| {
        let maximum = (level != Level::Raw).then(|| format!("{} max", column.name));
        std::iter::once(column.name.to_owned()).chain(maximum)
    })
}

/// Inserts a raw row: target, time, values in the order of the columns.
pub(super) fn insert_raw() -> String {
    let names: Vec<String> = columns(Level::Raw).map(|name| format!("\"{name}\"")).collect();
    let places: Vec<String> = (3..names.len() + 3).map(|place| format!("?{place}")).collect();
    format!(
        "INSERT OR REPLACE INTO raw (target, at, {}) VALUES (?1, ?2, {})",
        names.join(", "),
        places.join(", ")
    )
}

/// Makes the rows of `to` that begin in `?1 <= at < ?2` from those of the level below.
pub(super) fn roll_up(to: Level) -> String {
    let (from, width) = (if to == Level::Hour { Level::Minute } else { Level::Raw }, to.width());
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in COLUMNS {
        let name = column.name;
        let maximum = if from == Level::Raw { name.to_owned() } else { format!("{name} max") };
        names.push(format!("\"{name}\", \"{name} max\""));
        values.push(format!("avg(\"{name}\"), max(\"{maximum}\")"));
    }
    format!(
        "INSERT OR REPLACE INTO {} (target, at, {}) SELECT target, at / {width} * {width} AS begin, {} FROM {}
         WHERE at >= ?1 AND at < ?2 GROUP BY target, begin",
        to.table(),
        names.join(", "),
        values.join(", "),
        from.table()
    )
}

//! The audit log: who changed what, where and when, a JSON object a line.
//!
//! A change is written and synced before it is sent to the server, and its outcome after, so no change goes unrecorded: when the
//! file cannot be written the change is not made.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes of the file's end that a look back reads.
const TAIL: u64 = 256 * 1024;

/// Who does what.
#[derive(Debug, Clone)]
pub struct Deed {
    /// The visitor's user.
    pub user: String,
    /// The visitor's address.
    pub from: String,
    /// The server's URL.
    pub target: String,
    /// The command, without secrets.
    pub command: String,
}

/// The open log.
pub struct Audit(Mutex<File>);

impl Audit {
    /// Opens the file for appending, readable to its owner alone if it is new.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        Ok(Audit(Mutex::new(file)))
    }

    /// Records a deed before it is done (no outcome), or what came of it.
    ///
    /// # Errors
    /// The system's: a deed that cannot be recorded must not be done.
    pub fn record(&self, deed: &Deed, outcome: Option<&str>) -> io::Result<()> {
        let Deed { user, from, target, command } = deed;
        let at = jiff::Timestamp::now().to_string();
        let line = json!({"at": at, "user": user, "from": from, "target": target, "command": command, "outcome": outcome});
        tracing::info!("audit: {line}");
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_data()
    }

    /// The newest lines, newest first; a line that is no JSON is left out.
    ///
    /// # Errors
    /// The system's.
    pub fn newest(&self, count: usize) -> io::Result<Vec<Value>> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = file.metadata()?.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut *file).take(TAIL).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_read_back() {
        let path = std::env::temp_dir().join(format!("monitor-audit-{}", std::process::id()));
        let deed = |command: &str| Deed {
            user: "me".into(),
            from: "127.0.0.1".into(),
            target: "redis://h".into(),
            command: command.into(),
        };
        Audit::open(&path).unwrap().record(&deed("FLUSHDB"), None).unwrap();
        let audit = Audit::open(&path).unwrap();
        audit.record(&deed("FLUSHDB"), Some("OK\n")).unwrap();
        let lines = audit.newest(10).unwrap();
        assert_eq!(
            (lines.len(), &lines[0]["outcome"], &lines[1]["outcome"]),
            (2, &json!("OK\n"), &Value::Null)
        );
        assert_eq!(audit.newest(1).unwrap().len(), 1);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&path).unwrap();
    }
}

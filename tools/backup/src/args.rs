//! The command lines.
#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments of arguments are help texts")]

use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::keys::{OpenOptions, SealOptions};
use crate::manifest::{Compression, is_name};
use crate::retention::Policy;
use crate::source::Way;
use crate::store::S3Options;

/// Behind the help texts.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 the backup is damaged.";

/// `carnelian backup`.
#[derive(Debug, Parser)]
#[command(
    name = "carnelian backup",
    bin_name = "carnelian backup",
    no_binary_name = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    about = "Takes a snapshot of a running server, or of a file, to a folder or to S3",
    after_help = EXIT_CODES,
    version
)]
pub struct Backup {
    /// Instead of taking one.
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Taking one is the default.
    #[command(flatten)]
    pub take: Take,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// List the backups of a place
    List(List),
    /// Read a backup back: its checksum, and every value in it
    Verify(Verify),
    /// Remove the backups that no rule keeps
    Prune(Prune),
}

/// Taking a backup.
#[derive(Args, Debug)]
pub struct Take {
    /// redis://[[user]:password@]host[:port], rediss://..., unix:///path, or the path of an RDB file. A password in
    /// REDISCLI_AUTH stays hidden from other users of this machine
    #[arg(value_name = "SOURCE", required = true)]
    pub source: Option<String>,
    /// Where to keep it: a folder, s3://bucket/prefix, or either with NAME.rdb behind it
    #[arg(value_name = "DEST", required = true)]
    pub place: Option<String>,
    /// The series that it belongs to; its name is LABEL-TIME
    #[arg(long, default_value = "backup", value_parser = name)]
    pub label: String,
    /// How to take a running server's snapshot
    #[arg(long, value_enum, default_value_t)]
    pub method: Way,
    /// Compress: zstd, or zstd:LEVEL with a level of 1 to 19
    #[arg(long, value_name = "zstd[:LEVEL]", value_parser = compression)]
    pub compress: Option<Compression>,
    /// Then remove the backups of this series that no rule keeps
    #[arg(long)]
    pub prune: bool,
    /// Seconds that a server may be silent
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// Answer with one JSON object
    #[arg(long)]
    pub json: bool,
    /// Encryption.
    #[command(flatten)]
    pub seal: SealOptions,
    /// Retention.
    #[command(flatten)]
    pub policy: Policy,
    /// S3.
    #[command(flatten)]
    pub s3: S3Options,
}

/// Listing.
#[derive(Args, Debug)]
pub struct List {
    /// A folder or s3://bucket/prefix
    #[arg(value_name = "DEST")]
    pub place: String,
    /// Only this series
    #[arg(long, value_parser = name)]
    pub label: Option<String>,
    /// Answer with one JSON object
    #[arg(long)]
    pub json: bool,
    /// S3.
    #[command(flatten)]
    pub s3: S3Options,
}

/// Verifying.
#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct Verify {
    /// A folder or s3://bucket/prefix, or a backup's file in it
    #[arg(value_name = "DEST")]
    pub place: String,
    /// Which backup
    #[arg(value_name = "NAME", default_value = "latest")]
    pub name: String,
    /// Every backup
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Only this series
    #[arg(long, value_parser = name)]
    pub label: Option<String>,
    /// Only compare the checksum, which takes no key
    #[arg(long)]
    pub checksum_only: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub json: bool,
    /// Keys.
    #[command(flatten)]
    pub open: OpenOptions,
    /// S3.
    #[command(flatten)]
    pub s3: S3Options,
}

/// Pruning.
#[derive(Args, Debug)]
#[command(
    after_help = "The newest backup of a series is never removed, nor anything without a manifest. Hours and days are UTC."
)]
pub struct Prune {
    /// A folder or s3://bucket/prefix
    #[arg(value_name = "DEST")]
    pub place: String,
    /// Only this series
    #[arg(long, value_parser = name)]
    pub label: Option<String>,
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Answer with one JSON object
    #[arg(long)]
    pub json: bool,
    /// Retention.
    #[command(flatten)]
    pub policy: Policy,
    /// S3.
    #[command(flatten)]
    pub s3: S3Options,
}

/// `carnelian restore`.
#[derive(Debug, Parser)]
#[command(
    name = "carnelian restore",
    bin_name = "carnelian restore",
    no_binary_name = true,
    about = "Restores a backup, verified first, to an RDB file or into a running server",
    override_usage = "carnelian restore [OPTIONS] <SOURCE> [NAME|latest] <TARGET>",
    after_help = EXIT_CODES,
    version
)]
pub struct Restore {
    /// SOURCE: a folder or s3://bucket/prefix, a backup's file in it, or any RDB file. TARGET: the path of a file that
    /// a server will start from, its folder, or the URL of a running server
    #[arg(value_name = "SOURCE [NAME|latest] TARGET", num_args = 1.., required = true, action = ArgAction::Append)]
    pub places: Vec<String>,
    /// The latest of this series
    #[arg(long, value_parser = name)]
    pub label: Option<String>,
    /// To a file: overwrite it, and do not mind a server that runs in its folder
    #[arg(long)]
    pub force: bool,
    /// Into a server: replace keys that exist there; else they stay, and it is an error
    #[arg(long)]
    pub replace: bool,
    /// Into a server: only this database of the backup, as TO; repeatable
    #[arg(long, value_name = "FROM[:TO]", value_parser = databases)]
    pub db: Vec<(u64, u64)>,
    /// Into a server: leave functions out
    #[arg(long)]
    pub no_functions: bool,
    /// Seconds that a server may be silent
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// Answer with one JSON object
    #[arg(long)]
    pub json: bool,
    /// Keys.
    #[command(flatten)]
    pub open: OpenOptions,
    /// S3.
    #[command(flatten)]
    pub s3: S3Options,
}

fn name(text: &str) -> Result<String, String> {
    match is_name(text) && text.len() <= 64 {
        true => Ok(text.to_owned()),
        false => Err("1 to 64 letters, digits, '.', '_' and '-', no '.' first".into()),
    }
}

fn compression(text: &str) -> Result<Compression, String> {
    let level = match text.split_once(':') {
        None if text == "zstd" => Some(zstd::DEFAULT_COMPRESSION_LEVEL),
        Some(("zstd", level)) => level.parse().ok().filter(|level| (1..=19).contains(level)),
        _ => None,
    };
    level.map(|level| Compression::Zstd { level }).ok_or_else(|| "zstd, or zstd:1 to zstd:19".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("seconds must be between 0.1 and 86400".into()),
    }
}

fn databases(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) => Ok((from, to)),
        _ => Err("a database's number, or two with ':' between them".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn declarations_are_consistent() {
        Backup::command().debug_assert();
        Restore::command().debug_assert();
    }

    fn backup(line: &str) -> Result<Backup, clap::Error> {
        Backup::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn command_lines() {
        let take = backup("redis://h /b --compress zstd:9").expect("good").take;
        assert_eq!(take.compress, Some(Compression::Zstd { level: 9 }));
        assert_eq!((take.policy.keep_hourly, take.policy.keep_daily), (24, 30));
        let Some(Task::Verify(verify)) = backup("verify /b --json").expect("good").task else {
            panic!("not verifying")
        };
        assert_eq!((verify.name.as_str(), verify.json), ("latest", true));
        assert!(matches!(
            backup("prune s3://b/c --dry-run --keep-last 3").expect("good").task,
            Some(Task::Prune(_))
        ));
        for line in [
            "redis://h",
            "redis://h /b --compress zstd:0",
            "redis://h /b --compress gzip",
            "redis://h /b --label a/b",
            "redis://h /b --oops",
            "list",
            "verify /b x --all",
            "redis://h /b --encrypt --recipient age1x",
            "redis://h /b --timeout nan",
        ] {
            assert!(backup(line).is_err(), "{line}");
        }
        let restore = |line: &str| Restore::try_parse_from(line.split_whitespace());
        assert_eq!(restore("/b latest redis://h --db 3:0 --db 1").expect("good").db, [(3, 0), (1, 1)]);
        assert_eq!(restore("/b --replace redis://h").expect("good").places, ["/b", "redis://h"]);
        for line in ["", "a b --db x", "a b --oops"] {
            assert!(restore(line).is_err(), "{line}");
        }
    }
}

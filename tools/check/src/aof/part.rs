//! Checking one file, and repairing it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use formats::aof::Reader;

use super::log::{Ended, Log};
use super::{Job, Part, Status, Stop};
use crate::output::reason;
use crate::rdb;

/// A file, and its place among the others.
#[derive(Debug)]
pub struct Place<'a> {
    /// Its name, as it is printed.
    pub name: &'a str,
    /// Where it is.
    pub path: &'a Path,
    /// "AOF", "BASE AOF" or "INCR AOF".
    pub kind: &'static str,
    /// Whether it begins with an RDB file.
    pub is_rdb: bool,
    /// Whether it may be cut: nothing is loaded behind it.
    pub is_last: bool,
}

/// Checks a file, and cuts off what is wrong or too young if that was asked for.
pub fn check_part(job: &mut Job<'_>, place: &Place<'_>) -> Result<(), Stop> {
    let mut part = Part { name: place.name.to_owned(), kind: place.kind, ..Part::default() };
    let done = check(job, place, &mut part);
    if let Ok(status) = &done {
        let Place { name, kind, .. } = place;
        match status {
            Status::Valid => job.out.line(format_args!("{kind} {name} is valid")),
            Status::Empty => job.out.line(format_args!("{kind} {name} is empty")),
            Status::Truncated => job.out.line(format_args!("Successfully truncated AOF {name}")),
            Status::TruncatedToTimestamp => job.out.line(format_args!(
                "Successfully truncated AOF {name} to timestamp {}",
                job.options.to_timestamp.unwrap_or_default()
            )),
        }
        part.status = Some(*status);
    }
    job.report.files.push(part);
    done.map(drop)
}

fn check(job: &mut Job<'_>, place: &Place<'_>, part: &mut Part) -> Result<Status, Stop> {
    let opened = File::open(place.path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (size, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let (path, why) = (place.path.display(), reason(&error));
            return job.stop(format_args!("Cannot open file {path}: {why}, aborting..."));
        }
    };
    part.size = size;
    if size == 0 {
        return Ok(Status::Empty);
    }
    job.out.begin(size);
    let mut reader = match place.is_rdb {
        true => behind_rdb(job, place, part, file)?,
        false => Reader::new(file, true),
    };
    let mut log = Log::default();
    let walked = log.walk(&mut reader, job.options.to_timestamp, place, part, job.out);
    (part.ok_up_to, part.checksums, part.verified) = (log.sound, reader.checksums(), reader.verified());
    match walked {
        Ok(()) => {}
        Err(Ended::Wrong(problem, line)) => {
            line.iter().for_each(|line| job.out.line(line));
            part.error = Some(problem);
        }
        Err(Ended::Young(offset)) => {
            part.ok_up_to = offset;
            return cut_to_timestamp(job, place, offset);
        }
        Err(Ended::NoTimestamp) => return job.stop("Invalid timestamp annotation"),
        Err(Ended::Io(error)) => {
            let (name, why) = (place.name, reason(&error));
            return job.stop(format_args!("Failed to read from AOF {name}, aborting... ({why})"));
        }
    }
    conclude(job, place, part, 1 + log.lines)
}

/// Checks the RDB file in front, and gives a reader of what is behind it.
fn behind_rdb(
    job: &mut Job<'_>,
    place: &Place<'_>,
    part: &mut Part,
    file: File,
) -> Result<Reader<File>, Stop> {
    job.out.line(format_args!("[offset 0] Checking RDB file {}", place.path.display()));
    let (report, rest, file) = rdb::check(file, job.out);
    let (is_ok, end) = (report.ok, report.size);
    part.rdb = Some(report);
    if !is_ok {
        return job.stop("RDB preamble of AOF file is not sane, aborting.");
    }
    job.out.line("RDB preamble is OK, proceeding with AOF tail...");
    Ok(Reader::behind(end, rest, file, true))
}

/// Cuts off what begins here, which is too young.
fn cut_to_timestamp(job: &mut Job<'_>, place: &Place<'_>, offset: u64) -> Result<Status, Stop> {
    let (path, seconds) = (place.path.display(), job.options.to_timestamp.unwrap_or_default());
    if offset == 0 {
        return job.stop(format_args!("AOF {path} has nothing before timestamp {seconds}, aborting..."));
    }
    if !place.is_last {
        return job.stop(format_args!(
            "Failed to truncate AOF {path} to timestamp {seconds} to offset {offset} because it is not the last file.\n\
             If you insist, delete the files that the manifest lists behind it, and their lines in the manifest. Then \
             run this again."
        ));
    }
    match truncate(place.path, offset) {
        Ok(()) => Ok(Status::TruncatedToTimestamp),
        Err(error) => {
            let why = reason(&error);
            job.stop(format_args!("Failed to truncate AOF {path} to timestamp {seconds}: {why}"))
        }
    }
}

/// Says what was found, and repairs it if that was asked for.
fn conclude(job: &mut Job<'_>, place: &Place<'_>, part: &Part, lines: u64) -> Result<Status, Stop> {
    let (name, size, ok_up_to) = (place.name, part.size, part.ok_up_to);
    let diff = size.saturating_sub(ok_up_to);
    if let Some(seconds) = job.options.to_timestamp.filter(|_| diff == 0) {
        job.out.line(format_args!("Truncate nothing in AOF {name} to timestamp {seconds}"));
        return Ok(Status::Valid);
    }
    job.out.line(format_args!(
        "AOF analyzed: filename={name}, size={size}, ok_up_to={ok_up_to}, ok_up_to_line={lines}, diff={diff}"
    ));
    if diff == 0 {
        return Ok(Status::Valid);
    }
    if !job.options.fix {
        return job.stop(format_args!("AOF {name} is not valid. Use the --fix option to try fixing it."));
    }
    if !place.is_last {
        return job.stop(format_args!("Failed to truncate AOF {name} because it is not the last file"));
    }
    let question = format!(
        "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {ok_up_to} bytes\n\
         Continue? [y/N]: "
    );
    if !job.out.confirms(&question) {
        return job.stop("Aborting...");
    }
    match truncate(place.path, ok_up_to) {
        Ok(()) => Ok(Status::Truncated),
        Err(error) => job.stop(format_args!("Failed to truncate AOF {name}: {}", reason(&error))),
    }
}

/// Cuts a file, and returns when that is on disk.
fn truncate(path: &Path, size: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(size)?;
    file.sync_all()
}

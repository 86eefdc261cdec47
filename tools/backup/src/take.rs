//! `carnelian backup SOURCE DEST`.
//!
//! Nothing is counted as a backup before it is one: the snapshot's structure and checksum are looked at while it is stored, and the
//! manifest is written last. A snapshot that arrives damaged or cut leaves nothing behind.

use std::io::{self, Read, Write};
use std::path::Path;

use jiff::{Timestamp, Unit};
use rustix::fs::Mode;
use serde::Serialize;

use crate::args::Take;
use crate::catalogue::CHUNK;
use crate::error::{Error, Result};
use crate::inspect::{Depth, Inspector};
use crate::keys::Sealing;
use crate::manifest::{self, Contents, Manifest};
use crate::output::{Output, bytes};
use crate::prune;
use crate::seal::{Sealer, Tally};
use crate::source::Source;
use crate::source::address::parse_meant;
use crate::store::{Place, Store};

/// What was done, as JSON.
#[derive(Serialize)]
struct Report {
    ok: bool,
    #[serde(flatten)]
    manifest: Manifest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<Vec<String>>,
}

/// Takes a backup.
///
/// # Errors
/// Every [`Error`]; then there is no backup.
pub fn run(take: &Take, out: &mut Output) -> Result<()> {
    keep_from_others();
    let (Some(source), Some(place)) = (&take.source, &take.place) else {
        return Err(Error::Usage("SOURCE and DEST".into()));
    };
    let place = Place::parse(place)?;
    let sealing = take.seal.sealing()?;
    let address = parse_meant(source)?;
    if address.as_ref().is_some_and(|address| address.database() != Ok(None)) {
        return Err(Error::Usage("a backup has all databases: the URL must name none".into()));
    }
    // The name has milliseconds; what is in the manifest has no more.
    let now = Timestamp::now();
    let time = now.round(Unit::Millisecond).unwrap_or(now);
    let name = place.name.clone().unwrap_or_else(|| manifest::name_at(&take.label, time));
    let source_name = address.as_ref().map_or_else(|| source.clone(), |address| address.url.clone());
    let mut manifest = Manifest::new(name, take.label.clone(), time, source_name);
    manifest.compression = take.compress;
    manifest.encryption = sealing.as_ref().map(Sealing::describe);
    manifest.file = manifest.file_name();

    let store = Store::open(&place.location, &take.s3, true)?;
    refuse_to_overwrite(&store, &manifest)?;
    let mut source = match &address {
        Some(address) => Source::server(address, take.method, take.timeout)?,
        None => Source::file(Path::new(source))?,
    };
    if let Some(remark) = &source.remark {
        out.remark(format_args!("taken by {} from {remark}", source.method.name()));
    }
    (manifest.method, manifest.server) = (source.method, source.server.take());
    let (contents, tally) = store_snapshot(&mut source, &store, &manifest, sealing.as_ref(), out)?;
    (manifest.contents, manifest.bytes, manifest.sha256) = (contents, tally.bytes(), tally.sha256());
    publish(&store, &manifest)?;
    // Whatever becomes of the others, this one is there, and is told of.
    let pruned = take.prune.then(|| prune::prune(&store, &take.policy, Some(&take.label), false));
    let (pruned, failed) = match pruned {
        None => (None, None),
        Some(Ok(report)) => (Some(report.removed), None),
        Some(Err(error)) => (None, Some(error)),
    };
    tell(&store, Report { ok: failed.is_none(), manifest, pruned }, out);
    failed.map_or(Ok(()), Err)
}

/// A snapshot holds every secret that the server does: what this process makes is for its owner alone.
fn keep_from_others() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

fn refuse_to_overwrite(store: &Store, manifest: &Manifest) -> Result<()> {
    for object in [manifest_name(manifest), manifest.file.clone()] {
        if store.has(&object)? {
            return Err(Error::InTheWay(format!("{} exists, and is not overwritten", store.show(&object))));
        }
    }
    Ok(())
}

fn manifest_name(manifest: &Manifest) -> String {
    format!("{}{}", manifest.name, manifest::SUFFIX)
}

/// Stores the snapshot while looking at it.
fn store_snapshot(
    source: &mut Source,
    store: &Store,
    manifest: &Manifest,
    sealing: Option<&Sealing>,
    out: &mut Output,
) -> Result<(Contents, Tally)> {
    out.begin("storing", source.size);
    let mut sealer = Sealer::new(store.upload(&manifest.file)?, manifest.compression, sealing)?;
    let mut inspector = Inspector::new(Depth::Structure);
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let count = match source.bytes.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(source_error(error, manifest)),
        };
        inspector.feed(&chunk[..count])?;
        sealer.write_all(&chunk[..count]).map_err(Error::from_chain)?;
        done += count as u64;
        out.reached(done);
    }
    let contents = inspector.finish()?;
    let (upload, tally) = sealer.finish()?;
    upload.complete()?;
    out.end();
    Ok((contents, tally))
}

/// A server's errors have their words; those of a file have not.
fn source_error(error: io::Error, manifest: &Manifest) -> Error {
    error.downcast::<Error>().unwrap_or_else(Error::file(format!("reading {}", manifest.source)))
}

/// Makes it a backup; if that fails, nothing is left.
fn publish(store: &Store, manifest: &Manifest) -> Result<()> {
    store.write(&manifest_name(manifest), manifest.to_json()).inspect_err(|_| {
        // The error that led here is the one to tell.
        let _ = store.delete(&manifest.file);
    })
}

fn tell(store: &Store, report: Report, out: &Output) {
    let Report { manifest, pruned, .. } = &report;
    let Contents { keys, bytes: size, .. } = manifest.contents;
    let (place, stored, size) = (store.show(&manifest.file), bytes(manifest.bytes), bytes(size));
    let method = manifest.method.name();
    out.line(format_args!("{}: {keys} keys, {size}, by {method}; {stored} in {place}", manifest.name));
    for name in pruned.iter().flatten() {
        out.line(format_args!("removed {name}"));
    }
    out.report(&report);
}

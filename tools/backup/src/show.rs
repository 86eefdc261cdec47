//! `carnelian backup list` and `carnelian backup verify`.

use serde::Serialize;

use crate::args::{List, Verify};
use crate::catalogue::{self, LATEST, Listed, catalogue};
use crate::error::{Error, Result};
use crate::manifest::{Compression, Encryption, Manifest};
use crate::output::{Output, bytes};
use crate::store::{Place, Store};

/// A list as JSON.
#[derive(Serialize)]
struct Listing {
    ok: bool,
    backups: Vec<Listed>,
    strange: Vec<Strange>,
}

/// What is named like a manifest and is none.
#[derive(Serialize)]
struct Strange {
    object: String,
    why: String,
}

/// Lists.
///
/// # Errors
/// Those of the place.
pub fn list(options: &List, out: &mut Output) -> Result<()> {
    let place = Place::parse(&options.place)?;
    let store = Store::open(&place.location, &options.s3, false)?;
    let found = catalogue(&store, options.label.as_deref())?;
    for listed in &found.backups {
        out.line(describe(listed));
    }
    for (object, why) in &found.strange {
        out.remark(format_args!("{}: {why}", store.show(object)));
    }
    out.line(format_args!("{} backups", found.backups.len()));
    out.report(&Listing { ok: true, backups: found.backups, strange: Strange::all(found.strange) });
    Ok(())
}

impl Strange {
    fn all(found: Vec<(String, String)>) -> Vec<Strange> {
        found.into_iter().map(|(object, why)| Strange { object, why }).collect()
    }
}

fn describe(listed: &Listed) -> String {
    let Manifest { name, time, contents, source, .. } = &listed.manifest;
    let compression = listed.manifest.compression.map_or("", |Compression::Zstd { .. }| ", zstd");
    let encryption = match listed.manifest.encryption {
        None => "",
        Some(Encryption::Passphrase) => ", passphrase",
        Some(Encryption::Recipients { .. }) => ", key",
    };
    let state = if listed.whole { "" } else { "  FILE MISSING OR CUT" };
    let (keys, size) = (contents.keys, bytes(listed.manifest.bytes));
    format!("{name}  {time:.0}  {keys} keys, {size}{compression}{encryption}  {source}{state}")
}

/// What was found out about backups, as JSON.
#[derive(Serialize)]
struct Verified {
    ok: bool,
    backups: Vec<Judgement>,
    strange: Vec<Strange>,
}

/// What was found out about one.
#[derive(Serialize)]
struct Judgement {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    manifest: Manifest,
}

/// Verifies one backup, or all of them.
///
/// # Errors
/// [`Error::Damaged`] when any is; those of the place.
pub fn verify(options: &Verify, out: &mut Output) -> Result<()> {
    let place = Place::parse(&options.place)?;
    let store = Store::open(&place.location, &options.s3, false)?;
    let mut strange = Vec::new();
    let manifests = match (options.all, &place.name) {
        (true, _) => {
            let found = catalogue(&store, options.label.as_deref())?;
            strange = Strange::all(found.strange);
            found.backups.into_iter().map(|listed| listed.manifest).collect()
        }
        (false, Some(_)) if options.name != LATEST => {
            return Err(Error::Usage("the backup is named twice".into()));
        }
        (false, named) => {
            let name = named.as_deref().unwrap_or(&options.name);
            vec![catalogue::find(&store, name, options.label.as_deref())?]
        }
    };
    let several = manifests.len() + strange.len() > 1;
    let (mut judgements, mut errors) = (Vec::new(), Vec::new());
    for manifest in manifests {
        let judged = verify_one(&store, &manifest, options, out);
        out.end();
        let (name, keys) = (&manifest.name, manifest.contents.keys);
        match &judged {
            Ok(()) if options.checksum_only => out.line(format_args!("{name}: checksum OK")),
            Ok(()) => out.line(format_args!("{name}: OK, {keys} keys")),
            Err(error) if several => out.line(format_args!("{name}: {error}")),
            Err(_) => {}
        }
        let error = judged.as_ref().err().map(Error::to_string);
        judgements.push(Judgement { ok: error.is_none(), error, manifest });
        errors.extend(judged.err());
    }
    // A backup whose manifest can't be read can't be restored.
    for Strange { object, why } in &strange {
        let text = format!("{}: {why}", store.show(object));
        out.line(&text);
        errors.push(Error::Damaged(text));
    }
    let count = judgements.len() + strange.len();
    out.report(&Verified { ok: errors.is_empty(), backups: judgements, strange });
    summary(errors, count)
}

/// The error that several come down to.
fn summary(mut errors: Vec<Error>, count: usize) -> Result<()> {
    let bad = errors.len();
    match errors.pop() {
        None => Ok(()),
        Some(only) if count == 1 => Err(only),
        Some(last) => {
            let text = format!("{bad} of {count} backups could not be verified");
            let is_damaged = errors.iter().chain([&last]).any(|error| matches!(error, Error::Damaged(_)));
            Err(if is_damaged { Error::Damaged(text) } else { Error::Incomplete(text) })
        }
    }
}

fn verify_one(store: &Store, manifest: &Manifest, options: &Verify, out: &mut Output) -> Result<()> {
    if options.checksum_only {
        return catalogue::compare_checksum(store, manifest, out);
    }
    let opening = catalogue::opening(manifest, &options.open)?;
    catalogue::read_back(store, manifest, opening.as_ref(), out, &mut ()).map(drop)
}

//! What backups are encrypted to and opened with: a passphrase, or key pairs of age (`age-keygen` makes them).
//!
//! A passphrase comes from the environment or from a file, never from the command line, which every user of the machine can
//! read. Key pairs are for backups that run by themselves: the machine that takes them needs the public half alone, and cannot read
//! what it has stored.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::secrecy::{ExposeSecret, SecretString};
use age::{Encryptor, Identity, IdentityFile, scrypt, x25519};
use clap::Args;

use crate::error::{Error, Result};
use crate::manifest::Encryption;

/// The variable that a passphrase may be in.
const VARIABLE: &str = "CARNELIAN_BACKUP_PASSPHRASE";

/// How to encrypt.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Encryption (the age format)")]
pub struct SealOptions {
    /// Encrypt to a passphrase, from --passphrase-file or CARNELIAN_BACKUP_PASSPHRASE
    #[arg(long, conflicts_with_all = ["recipient", "recipients_file"])]
    pub encrypt: bool,
    /// File whose first line is the passphrase
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    pub passphrase_file: Option<PathBuf>,
    /// Encrypt to this public key (age1...), repeatable
    #[arg(long, value_name = "KEY")]
    pub recipient: Vec<String>,
    /// Likewise to those in a file, one a line
    #[arg(long, value_name = "FILE")]
    pub recipients_file: Option<PathBuf>,
}

/// What to open encrypted backups with.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Encrypted backups")]
pub struct OpenOptions {
    /// File whose first line is the passphrase; else it is in CARNELIAN_BACKUP_PASSPHRASE
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// File with private keys (AGE-SECRET-KEY-...), repeatable
    #[arg(long, value_name = "FILE")]
    pub identity: Vec<PathBuf>,
}

/// What a backup is encrypted to.
pub enum Sealing {
    /// A passphrase.
    Passphrase(SecretString),
    /// Public keys.
    Recipients(Vec<x25519::Recipient>),
}

/// What a backup is opened with.
pub struct Opening(Vec<Box<dyn Identity>>);

impl SealOptions {
    /// What to encrypt to, if anything.
    ///
    /// # Errors
    /// No passphrase, no key, or one that is none.
    pub fn sealing(&self) -> Result<Option<Sealing>> {
        if self.encrypt {
            let found = passphrase(self.passphrase_file.as_deref())?;
            let missing = || Error::Usage(format!("--encrypt needs --passphrase-file, or {VARIABLE}"));
            return Ok(Some(Sealing::Passphrase(found.ok_or_else(missing)?)));
        }
        let mut keys = self.recipient.clone();
        if let Some(path) = &self.recipients_file {
            let text = fs::read_to_string(path).map_err(Error::file(path.display()))?;
            keys.extend(lines(&text).map(str::to_owned));
            if keys.is_empty() {
                return Err(Error::Key(format!("{} has no public key", path.display())));
            }
        }
        let recipients = keys.iter().map(|key| {
            let why = |why| Error::Key(format!("'{}' is no public key: {why}", key.escape_default()));
            x25519::Recipient::from_str(key).map_err(why)
        });
        let recipients: Vec<_> = recipients.collect::<Result<_>>()?;
        Ok((!recipients.is_empty()).then_some(Sealing::Recipients(recipients)))
    }
}

impl OpenOptions {
    /// What opens a backup that is encrypted like this.
    ///
    /// # Errors
    /// No passphrase, no key, or one that is none.
    pub fn opening(&self, encryption: &Encryption) -> Result<Opening> {
        match encryption {
            Encryption::Passphrase => {
                let found = passphrase(self.passphrase_file.as_deref())?;
                let missing = || {
                    Error::Key(format!(
                        "the backup is encrypted to a passphrase: --passphrase-file, or {VARIABLE}"
                    ))
                };
                Ok(Opening(vec![Box::new(scrypt::Identity::new(found.ok_or_else(missing)?))]))
            }
            Encryption::Recipients { .. } if self.identity.is_empty() => {
                Err(Error::Key("the backup is encrypted to a key: --identity FILE".into()))
            }
            Encryption::Recipients { .. } => {
                let files = self.identity.iter().map(|path| identities(path));
                let identities = files.collect::<Result<Vec<_>>>()?;
                Ok(Opening(identities.into_iter().flatten().collect()))
            }
        }
    }
}

impl Sealing {
    /// The start of an encrypted file.
    ///
    /// # Errors
    /// None of these recipients.
    pub fn encryptor(&self) -> Result<Encryptor> {
        match self {
            Sealing::Passphrase(passphrase) => Ok(Encryptor::with_user_passphrase(passphrase.clone())),
            Sealing::Recipients(recipients) => {
                let each = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
                Encryptor::with_recipients(each).map_err(|error| Error::Key(error.to_string()))
            }
        }
    }

    /// As the manifest says it.
    pub fn describe(&self) -> Encryption {
        match self {
            Sealing::Passphrase(_) => Encryption::Passphrase,
            Sealing::Recipients(recipients) => {
                Encryption::Recipients { recipients: recipients.iter().map(ToString::to_string).collect() }
            }
        }
    }
}

impl Opening {
    /// For a decryptor.
    pub fn identities(&self) -> impl Iterator<Item = &dyn Identity> {
        self.0.iter().map(Box::as_ref)
    }
}

fn passphrase(file: Option<&Path>) -> Result<Option<SecretString>> {
    let text = match file {
        Some(path) => Some(fs::read_to_string(path).map_err(Error::file(path.display()))?),
        None => std::env::var(VARIABLE).ok(),
    };
    let first_line = text.map(|text| SecretString::from(text.lines().next().unwrap_or_default().to_owned()));
    Ok(first_line.filter(|passphrase| !passphrase.expose_secret().is_empty()))
}

fn identities(path: &Path) -> Result<Vec<Box<dyn Identity>>> {
    let name = path.display();
    let file = IdentityFile::from_file(path.to_string_lossy().into_owned()).map_err(Error::file(&name))?;
    let found =
        file.into_identities().map_err(|_| Error::Key(format!("{name} has no usable private key")))?;
    Ok(found.into_iter().map(|identity| identity as Box<dyn Identity>).collect())
}

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A new key pair.
    pub(crate) fn pair() -> (Sealing, Opening) {
        let identity = x25519::Identity::generate();
        (Sealing::Recipients(vec![identity.to_public()]), Opening(vec![Box::new(identity)]))
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let with =
            |key: &str| SealOptions { recipient: vec![key.into()], ..SealOptions::default() }.sealing();
        assert!(matches!(with("age1xyz"), Err(Error::Key(_))));
        let good = x25519::Identity::generate().to_public().to_string();
        assert!(matches!(with(&good), Ok(Some(Sealing::Recipients(keys))) if keys.len() == 1));
        assert!(matches!(SealOptions::default().sealing(), Ok(None)));
        let needed = Encryption::Recipients { recipients: vec![good] };
        assert!(matches!(OpenOptions::default().opening(&needed), Err(Error::Key(_))));
    }
}

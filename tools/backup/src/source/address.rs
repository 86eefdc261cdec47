//! A server's URL on a command line; its forms are those of [`endpoint`].
//!
//! Without a password in it, REDISCLI_AUTH is taken, as redis-cli does: a URL on the command line can be read by every user of the machine.

use endpoint::{Address, Secret};

use crate::error::{Error, Result};

/// The variable that a password may be in.
const VARIABLE: &str = "REDISCLI_AUTH";

/// Whether `text` is meant as a URL of a server, right or wrong, and not as a path or a place of backups.
pub fn is_meant(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| !matches!(scheme, "s3" | "s3a"))
}

/// The server that `text` means if it means one, with the environment's password if there is none in it.
///
/// # Errors
/// [`Error::Address`]; it repeats nothing of the URL but the scheme.
pub fn parse_meant(text: &str) -> Result<Option<Address>> {
    if !is_meant(text) {
        return Ok(None);
    }
    let mut address = Address::parse(text).map_err(Error::address)?;
    // A wrong number is found before anything is done.
    address.database().map_err(Error::address)?;
    if address.password.is_none() {
        address.password = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(Secret::new);
    }
    Ok(Some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_places() {
        assert!(is_meant("redis://h") && !is_meant("/a") && !is_meant("s3://b") && !is_meant("h:1"));
        assert_eq!(parse_meant("redis://h/3").unwrap().unwrap().database(), Ok(Some(3)));
        assert!(parse_meant("/backups").unwrap().is_none());
        for wrong in ["http://h", "redis://u:pw@h/x", "redis://u:pw@h?x"] {
            let error = parse_meant(wrong).unwrap_err();
            assert!(matches!(error, Error::Address(_)) && !error.to_string().contains("pw"), "{error}");
        }
    }
}

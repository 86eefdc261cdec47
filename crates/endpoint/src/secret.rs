//! A password that does not print.

use std::fmt;

/// A password: prints as `***`, in `Debug` too.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Secret(password.into())
    }

    /// The password itself: for AUTH alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` with each occurrence of the password replaced: a server may repeat it in its errors.
    pub fn hide_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_only_when_asked_to() {
        let secret = Secret::new("hunter2");
        assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("hunter2", "***"));
        assert_eq!(secret.hide_in("no user with password 'hunter2'"), "no user with password '***'");
        assert_eq!(Secret::new("").hide_in("as it was"), "as it was");
    }
}

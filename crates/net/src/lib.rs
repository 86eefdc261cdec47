//! Listeners, sockets and outgoing links: everything between the event loop and the kernel.
//!
//! Four small rooms, each a plain wrapper with Redis's choices made once:
//!
//! - [`listen`]: the `bind`, `port`, `tcp-backlog`, `unixsocket` and `unixsocketperm` directives become [`Listener`]s.
//! - [`socket`]: a [`Stream`] is one established connection, TCP or unix, with its options and its address text.
//! - [`link`]: a [`Link`] is a connection this process opens itself (to a primary, a cluster node, a sentinel).
//! - [`file_limit`]: makes room for `maxclients` file descriptors.
//!
//! Nothing here logs or knows the configuration: parameters come in as small structs, and what an operator should
//! read goes out as text in Redis's words.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("Carnelian is not supported here yet: it runs on Linux on x86-64 and aarch64.");

pub mod file_limit;
pub mod link;
pub mod listen;
pub mod socket;

pub use link::Link;
pub use listen::Listener;
pub use socket::Stream;

/// The system's text for an error, as `strerror` gives it and Redis logs it: "Address already in use".
///
/// `std` appends " (os error N)" and prefixes resolver errors; both are taken off again.
pub fn error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match (error.raw_os_error(), text.rfind(" (os error ")) {
        (Some(_), Some(end)) => text[..end].to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn error_text_is_strerror_alone() {
        assert_eq!(error_text(&io::Error::from_raw_os_error(98)), "Address already in use");
        assert_eq!(error_text(&io::Error::other("no such thing")), "no such thing");
    }
}

//! A server's URL, as tools are given it: where the server listens, and what it takes to be let in.
//!
//! | Form | What |
//! |---|---|
//! | `redis://[[user]:password@]host[:port][/database]` | TCP; also `valkey://`, and the bare `host[:port]` of older tools |
//! | `rediss://...`, `valkeys://...` | the same over TLS |
//! | `unix://[[user]:password@]/path/to/socket` | a unix socket; also `redis+unix://` and `redis-socket://`, as redis-py has it |
//!
//! The port is 6379 where there is none. User and password are percent-decoded, and end at the last `@`. IPv6 addresses stand in brackets.
//!
//! A password never shows: not in [`Address::url`], which is the form that was asked for without its credentials, not in `Debug`
//! ([`Secret`]), and not in an error ([`Malformed`]), which repeats nothing of the URL but its scheme.

mod address;
mod secret;

pub use address::{Address, DEFAULT_PORT, Endpoint, Malformed, redact};
pub use secret::Secret;

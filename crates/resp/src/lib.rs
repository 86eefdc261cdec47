//! The Redis serialisation protocol, RESP2 and RESP3: bytes to slices, values to bytes; no sockets.
//!
//! - [`request`]: what a server reads. A request becomes [`Args`], slices into the query buffer.
//! - [`encode`]: what a server writes, in the protocol that its client has chosen.
//! - [`words`]: how a line is split into quoted words: inline commands and configuration files.

pub mod args;
pub mod encode;
pub mod request;
pub mod words;

pub use args::{Args, OwnedArgs, Span};
pub use encode::{Encoder, Protocol};
pub use request::{Limits, Parsed, Parser, ProtocolError};

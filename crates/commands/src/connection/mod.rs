//! The client's connection.

mod ping;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[ping::PING, ping::ECHO, ping::SELECT, ping::QUIT];

//! The server.

mod command;
mod config;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[command::COMMAND, config::CONFIG];

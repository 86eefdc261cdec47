//! Keys of any type.

mod del;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[del::DEL, del::UNLINK, del::EXISTS];

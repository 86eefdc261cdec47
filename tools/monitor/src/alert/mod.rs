//! Alerts: the five tables of document 003 and what operators add to them.
//!
//! [`RULES`] is the one table: evaluation, defaults, documentation, `carnelian monitor check` and the names in the
//! configuration derive from it. [`Engine`] turns a stream of rounds into a stream of [`Event`]s: a breach must hold for the rule's
//! time before it fires, and must be gone by a margin and for a while before it resolves, so that nothing flaps. [`Sinks`] carry events out.

mod engine;
mod readings;
mod rules;
mod sinks;
mod tuning;
mod watchman;

pub use engine::{Engine, Event, Standing};
pub use readings::Reading;
pub use rules::{Breach, Group, Level, RULES, Rule, Unit, as_json, documentation};
pub use sinks::{SinkSpec, Sinks};
pub use tuning::{Silence, Tuned, Tuning, tune};
pub use watchman::Watchman;

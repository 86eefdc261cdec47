//! Numbers as Redis reads and prints them.
//!
//! Clients depend on which texts are numbers ("value is not an integer or out of range") and on the exact
//! digits that come back, so each function here reproduces one of Redis's, named in its documentation.

mod float;
mod grisu;
mod int;
mod literal;

pub use float::{F64Text, parse_f64, write_f64};
pub use int::{I64Text, digits, parse_i64, parse_u64, write_i64};
pub(crate) use literal::Literal;

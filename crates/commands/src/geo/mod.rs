//! Geographic positions: sorted sets whose scores are geohashes (see [`data::geo`]).

mod add;
mod arguments;
mod position;
mod radius;
mod request;
mod search;
mod shape;

use engine::Command;

/// The family.
pub const COMMANDS: &[Command] = &[
    add::GEOADD,
    position::GEODIST,
    position::GEOHASH,
    position::GEOPOS,
    radius::GEORADIUS,
    radius::GEORADIUS_RO,
    radius::GEORADIUSBYMEMBER,
    radius::GEORADIUSBYMEMBER_RO,
    search::GEOSEARCH,
    search::GEOSEARCHSTORE,
];

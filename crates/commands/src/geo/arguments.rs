//! Positions and units, as arguments and in replies.

use codec::longdouble::LongDouble;
use data::geo::Position;
use engine::args::is;
use engine::{Arg, Error};
use resp::Encoder;

use crate::zset::score;

pub const LONGITUDE: Arg = Arg::double("longitude");
pub const LATITUDE: Arg = Arg::double("latitude");
pub const UNIT: Arg = Arg::one_of(
    "unit",
    &[Arg::word("m", "m"), Arg::word("km", "km"), Arg::word("ft", "ft"), Arg::word("mi", "mi")],
);

/// Reads a longitude and a latitude.
pub fn position(longitude: &[u8], latitude: &[u8]) -> Result<Position, Error> {
    let position = Position { longitude: score(longitude)?, latitude: score(latitude)? };
    if position.is_valid() {
        return Ok(position);
    }
    let Position { longitude, latitude } = position;
    Err(Error::err(format_args!("invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// How many metres a unit has.
pub fn metres(unit: &[u8]) -> Result<f64, Error> {
    match unit {
        _ if is(unit, "M") => Ok(1.0),
        _ if is(unit, "KM") => Ok(1000.0),
        _ if is(unit, "FT") => Ok(0.3048),
        _ if is(unit, "MI") => Ok(1609.34),
        _ => Err(Error::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// A distance, with four digits behind the point; a bulk string in either protocol.
pub fn reply_distance(reply: &mut Encoder, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, (scaled % 10_000).abs()).as_bytes());
}

/// A longitude and a latitude.
pub fn reply_position(reply: &mut Encoder, position: Position) {
    reply.array(2);
    for coordinate in [position.longitude, position.latitude] {
        let mut text = Vec::with_capacity(24);
        LongDouble::from(coordinate).write_human(&mut text);
        if reply.resp3() {
            reply.raw(b",");
            reply.raw(&text);
            reply.raw(b"\r\n");
        } else {
            reply.bulk(&text);
        }
    }
}

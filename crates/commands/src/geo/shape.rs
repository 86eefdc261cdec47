//! What is looked for around a centre, and the members found there.

use std::ops::Bound;

use codec::listpack::Entry;
use data::Zset;
use data::geo::{Position, Shape};
use data::zset::ScoreRange;
use engine::Error;

use super::arguments::metres;
use crate::zset::number;

/// A shape, and the unit that it was given in.
#[derive(Clone, Copy)]
pub struct Area {
    pub shape: Shape,
    /// Metres of the unit.
    pub metres: f64,
}

impl Area {
    /// A circle: radius and unit.
    pub fn circle(radius: &[u8], unit: &[u8]) -> Result<Area, Error> {
        let radius = number(radius).ok_or(Error::text("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Error::text("ERR radius cannot be negative"));
        }
        let metres = metres(unit)?;
        Ok(Area { shape: Shape::Circle { radius: radius * metres }, metres })
    }

    /// A box: width, height and unit.
    pub fn rectangle(width: &[u8], height: &[u8], unit: &[u8]) -> Result<Area, Error> {
        let width = number(width).ok_or(Error::text("ERR need numeric width"))?;
        let height = number(height).ok_or(Error::text("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(Error::text("ERR height or width cannot be negative"));
        }
        let metres = metres(unit)?;
        Ok(Area { shape: Shape::Box { width: width * metres, height: height * metres }, metres })
    }
}

/// A member found.
pub struct Point<'a> {
    pub member: Entry<'a>,
    pub score: f64,
    pub position: Position,
    /// From the centre, in metres.
    pub distance: f64,
}

/// The members in a shape around a centre, in the order of the ranges searched; `limit` of them at most.
pub fn find(zset: &Zset, center: Position, shape: Shape, limit: usize) -> Vec<Point<'_>> {
    let ranges = shape.score_ranges(center).into_iter();
    let elements = ranges.flat_map(|range| {
        let range = ScoreRange { min: Bound::Included(range.start), max: Bound::Excluded(range.end) };
        zset.range(zset.ranks_by_score(&range))
    });
    let point = |(member, score)| {
        let position = Position::of_score(score);
        Some(Point { member, score, position, distance: shape.distance(center, position)? })
    };
    elements.filter_map(point).take(limit).collect()
}

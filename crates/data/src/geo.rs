//! Positions on Earth as scores of sorted sets: the geohash of 52 bits, the boxes that cover a shape, and distances.
//!
//! A geohash halves the world again and again, longitude and latitude by turns; positions near each other mostly share
//! a long prefix, so a box is one range of scores. A search asks for the box around its centre and the eight next to it,
//! of a size that covers the shape, and looks at each position found. Every constant and the order of every operation
//! is Redis's (7.2.6, `geohash.c` and `geohash_helper.c`): scores and distances agree to the last digit.

use std::f64::consts::PI;
use std::ops::Range;

/// Halvings of a score in each direction.
const STEPS: u32 = 26;
/// Longitudes that can be told.
pub const LONGITUDES: Span = Span { min: -180.0, max: 180.0 };
/// Latitudes that can be told: Mercator's, which leaves the poles out.
pub const LATITUDES: Span = Span { min: -85.05112878, max: 85.05112878 };
/// Latitudes of geohashes as others write them.
const ALL_LATITUDES: Span = Span { min: -90.0, max: 90.0 };
/// Earth's quadratic mean radius, in metres.
const EARTH_RADIUS: f64 = 6372797.560856;
/// Half the equator as Mercator's projection has it, in metres.
const MERCATOR_MAX: f64 = 20037726.37;

/// An interval of degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The lower end.
    pub min: f64,
    /// The upper end.
    pub max: f64,
}

impl Span {
    /// Whether a number is in it, ends included; no NaN is.
    pub fn contains(self, value: f64) -> bool {
        self.min <= value && value <= self.max
    }

    /// The number of the part that holds a value, when it is divided into 2^`step`.
    fn part(self, value: f64, step: u32) -> u32 {
        let offset = (value - self.min) / (self.max - self.min);
        // As C converts to an unsigned 32-bit integer on x86-64: by way of 64 bits. It matters at the upper end.
        (offset * (1u64 << step) as f64) as i64 as u32
    }

    /// One of 2^`step` parts.
    fn part_at(self, part: u32, step: u32) -> Span {
        let scale = self.max - self.min;
        let at = |part: u32| self.min + (f64::from(part) / (1u64 << step) as f64) * scale;
        Span { min: at(part), max: at(part.wrapping_add(1)) }
    }

    fn middle(self) -> f64 {
        (self.min + self.max) / 2.0
    }
}

/// A position, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Position {
    /// Whether it can be told by a score.
    pub fn is_valid(self) -> bool {
        LONGITUDES.contains(self.longitude) && LATITUDES.contains(self.latitude)
    }

    /// The score that stands for it, a whole number of 52 bits.
    pub fn score(self) -> f64 {
        Cell::of(self, LATITUDES, STEPS).bits as f64
    }

    /// The position that a score stands for: the middle of its cell. Scores that stand for none give some position.
    pub fn of_score(score: f64) -> Position {
        let area = Cell { bits: bits_of(score), step: STEPS }.area();
        Position {
            longitude: area.longitude.middle().clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: area.latitude.middle().clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// The geohash as the rest of the world writes it, in 11 characters; the last carries nothing.
    pub fn geohash(self) -> [u8; 11] {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::of(self, ALL_LATITUDES, STEPS).bits;
        std::array::from_fn(|i| match i {
            0..10 => ALPHABET[(bits >> (52 - (i + 1) * 5) & 31) as usize],
            _ => ALPHABET[0],
        })
    }

    /// The distance along a great circle, in metres (haversine).
    pub fn distance(self, to: Position) -> f64 {
        let v = ((radians(to.longitude) - radians(self.longitude)) / 2.0).sin();
        if v == 0.0 {
            return north_south(self.latitude, to.latitude);
        }
        let (from, to) = (radians(self.latitude), radians(to.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }
}

/// A score as C converts it to an unsigned integer on x86-64: below zero it wraps, and what is too large becomes 0.
fn bits_of(score: f64) -> u64 {
    const SIGNED: f64 = (1u64 << 63) as f64;
    match score {
        _ if score < SIGNED => score as i64 as u64,
        _ if score < 2.0 * SIGNED => score as u64,
        _ => 0,
    }
}

fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

/// The distance along a meridian, in metres.
fn north_south(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (radians(to) - radians(from)).abs()
}

/// What is searched, around a centre; in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// All within a radius.
    Circle {
        /// The radius.
        radius: f64,
    },
    /// All within half a width east and west, and half a height north and south.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

impl Shape {
    /// How far a position in the shape is from the centre, in metres; `None` if it is not in the shape.
    pub fn distance(self, center: Position, position: Position) -> Option<f64> {
        match self {
            Shape::Circle { radius } => {
                let distance = center.distance(position);
                let outside = distance > radius;
                (!outside).then_some(distance)
            }
            Shape::Box { width, height } => {
                let level = Position { longitude: center.longitude, latitude: position.latitude };
                let outside = north_south(position.latitude, center.latitude) > height / 2.0
                    || position.distance(level) > width / 2.0;
                (!outside).then(|| center.distance(position))
            }
        }
    }

    /// How far it reaches at most.
    fn reach(self) -> f64 {
        match self {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        }
    }

    /// The longitudes and latitudes that bound it.
    fn bounds(self, center: Position) -> Area {
        let (width, height) = match self {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let latitudes = degrees(height / EARTH_RADIUS);
        // A degree of longitude is longest on the side of the equator.
        let widest =
            if center.latitude < 0.0 { center.latitude - latitudes } else { center.latitude + latitudes };
        let longitudes = degrees(width / EARTH_RADIUS / radians(widest).cos());
        let around = |middle: f64, delta: f64| Span { min: middle - delta, max: middle + delta };
        Area { longitude: around(center.longitude, longitudes), latitude: around(center.latitude, latitudes) }
    }

    /// Ranges of scores in which all positions of the shape are, and others; in the order in which Redis searches them.
    pub fn score_ranges(self, center: Position) -> Vec<Range<f64>> {
        let bounds = self.bounds(center);
        let mut cell = Cell::of(center, LATITUDES, steps(self.reach(), center.latitude));
        if cell.step > 1 && !cell.neighbours_cover(&bounds) {
            cell = Cell::of(center, LATITUDES, cell.step - 1);
        }
        let (area, mut cells) = (cell.area(), vec![cell]);
        for (x, y) in AROUND {
            let needless = cell.step >= 2
                && (y < 0 && area.latitude.min < bounds.latitude.min
                    || y > 0 && area.latitude.max > bounds.latitude.max
                    || x < 0 && area.longitude.min < bounds.longitude.min
                    || x > 0 && area.longitude.max > bounds.longitude.max);
            if !needless {
                cells.push(cell.moved(x, y));
            }
        }
        distinct(cells).into_iter().map(Cell::scores).collect()
    }
}

/// Leaves out each cell that is the one taken before it: around the world neighbours meet. Redis does not compare with
/// the first one, so that may come twice.
fn distinct(cells: Vec<Cell>) -> Vec<Cell> {
    let mut cells = cells.into_iter();
    let mut taken: Vec<Cell> = cells.next().into_iter().collect();
    for cell in cells {
        if taken.len() == 1 || taken.last() != Some(&cell) {
            taken.push(cell);
        }
    }
    taken
}

/// The neighbours of a cell, in the order in which they are searched: east, north.
const AROUND: [(i8, i8); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// How often to halve the world so that a cell and its neighbours hold what is within `reach` metres.
fn steps(reach: f64, latitude: f64) -> u32 {
    if reach == 0.0 {
        return STEPS;
    }
    let (mut reach, mut step) = (reach, 1i32);
    while reach < MERCATOR_MAX {
        reach *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles meridians lie closer.
    step -= i32::from(latitude.abs() > 66.0) + i32::from(latitude.abs() > 80.0);
    step.clamp(1, STEPS as i32) as u32
}

/// A rectangle of longitudes and latitudes.
#[derive(Clone, Copy)]
struct Area {
    longitude: Span,
    latitude: Span,
}

/// A cell of the grid that `step` halvings make, by its geohash of twice as many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    bits: u64,
    step: u32,
}

/// The bits of latitude: every other one, from the lowest on.
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = !LATITUDE_BITS;

impl Cell {
    fn of(position: Position, latitudes: Span, step: u32) -> Cell {
        let longitude = spread(LONGITUDES.part(position.longitude, step));
        Cell { bits: spread(latitudes.part(position.latitude, step)) | longitude << 1, step }
    }

    fn area(self) -> Area {
        let part = |bits: u64, span: Span| span.part_at(gather(bits), self.step);
        Area { longitude: part(self.bits >> 1, LONGITUDES), latitude: part(self.bits, LATITUDES) }
    }

    /// The cell so many to the east and to the north; beyond the end the world begins again.
    fn moved(self, east: i8, north: i8) -> Cell {
        let used = u64::MAX >> (64 - 2 * self.step);
        let moved = |bits: u64, by: i8| match by {
            0 => self.bits & bits,
            // Ones in the bits between carry a one across them.
            1.. => ((self.bits & bits) + ((!bits & used) + 1)) & bits & used,
            _ => ((self.bits & bits | !bits & used).wrapping_sub((!bits & used) + 1)) & bits & used,
        };
        Cell { bits: moved(LONGITUDE_BITS, east) | moved(LATITUDE_BITS, north), step: self.step }
    }

    /// Whether the cells to all four sides reach the bounds.
    fn neighbours_cover(self, bounds: &Area) -> bool {
        let area = |east, north| self.moved(east, north).area();
        area(0, 1).latitude.max >= bounds.latitude.max
            && area(0, -1).latitude.min <= bounds.latitude.min
            && area(1, 0).longitude.max >= bounds.longitude.max
            && area(-1, 0).longitude.min <= bounds.longitude.min
    }

    /// The scores of the positions in it.
    fn scores(self) -> Range<f64> {
        let align = |bits: u64| (bits << (2 * (STEPS - self.step))) as f64;
        align(self.bits)..align(self.bits + 1)
    }
}

/// Groups of 1, 2, 4, 8, 16 and 32 bits with as many zeros between.
const GROUPS: [u64; 6] = [
    0x5555_5555_5555_5555,
    0x3333_3333_3333_3333,
    0x0f0f_0f0f_0f0f_0f0f,
    0x00ff_00ff_00ff_00ff,
    0x0000_ffff_0000_ffff,
    0x0000_0000_ffff_ffff,
];

/// Moves the bits of a number apart, a zero between each two.
fn spread(part: u32) -> u64 {
    (0..5).rev().fold(u64::from(part), |bits, i| (bits | bits << (1 << i)) & GROUPS[i])
}

/// Takes every other bit.
fn gather(bits: u64) -> u32 {
    (0..5).fold(bits & GROUPS[0], |bits, i| (bits | bits >> (1 << i)) & GROUPS[i + 1]) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PALERMO: Position = Position { longitude: 13.361389, latitude: 38.115556 };
    const CATANIA: Position = Position { longitude: 15.087269, latitude: 37.502669 };

    /// Numbers of redis-server 7.0.15.
    #[test]
    fn scores_geohashes_and_distances_are_those_of_redis() {
        assert_eq!((PALERMO.score(), CATANIA.score()), (3479099956230698.0, 3479447370796909.0));
        let [palermo, catania] = [PALERMO, CATANIA].map(|place| Position::of_score(place.score()));
        assert_eq!((palermo.geohash(), catania.geohash()), (*b"sqc8b49rny0", *b"sqdtr74hyu0"));
        assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
        assert_eq!(palermo.longitude, 13.361389338970184);
        assert_eq!(palermo.distance(palermo), 0.0);
    }

    #[test]
    fn scores_that_stand_for_no_position_are_harmless() {
        for score in [0.0, -1.0, 0.5, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, 2f64.powi(63)] {
            assert!(Position::of_score(score).is_valid(), "{score}");
        }
        assert_eq!([bits_of(-1.0), bits_of(f64::INFINITY), bits_of(2f64.powi(63))], [u64::MAX, 0, 1 << 63]);
    }

    #[test]
    fn neighbours_go_around_the_world() {
        let cell = Cell { bits: 0, step: 3 };
        assert_eq!(cell.moved(-1, 0).moved(1, 0), cell);
        assert_eq!(cell.moved(0, -1).moved(0, 1), cell);
        assert_eq!(cell.moved(-1, 0).bits, 0b101010);
        assert_eq!(cell.moved(0, -1).bits, 0b010101);
        assert_eq!(cell.moved(1, 1).bits, 0b11);
    }

    fn place(longitudes: Range<f64>, latitudes: Range<f64>) -> impl Strategy<Value = Position> {
        (longitudes, latitudes).prop_map(|(longitude, latitude)| Position { longitude, latitude })
    }

    proptest! {
        #[test]
        fn bits_move_apart_and_back(part: u32, bits: u64) {
            prop_assert_eq!(gather(spread(part)), part);
            prop_assert_eq!(spread(gather(bits)) | spread(gather(bits >> 1)) << 1, bits);
        }

        #[test]
        fn positions_come_back_closely(place in place(-180.0..180.0, -85.0..85.0)) {
            let back = Position::of_score(place.score());
            prop_assert!(place.distance(back) < 1.0);
            prop_assert_eq!(back.score(), place.score());
        }

        /// Away from the poles and the date line, what is in a shape is in the ranges that are searched.
        #[test]
        fn ranges_cover_the_shape(
            center in place(-120.0..120.0, -60.0..60.0),
            offset in place(-12.0..12.0, -12.0..12.0),
            size in 0.0..1_000_000f64,
            ratio in 0.2..3f64,
        ) {
            let longitude = center.longitude + offset.longitude;
            let position = Position { longitude, latitude: center.latitude + offset.latitude };
            let position = Position::of_score(position.score());
            for shape in [Shape::Circle { radius: size }, Shape::Box { width: size, height: size * ratio }] {
                let ranges = shape.score_ranges(center);
                prop_assert!((1..=9).contains(&ranges.len()));
                if shape.distance(center, position).is_some() {
                    prop_assert!(ranges.iter().any(|range| range.contains(&position.score())));
                }
            }
        }
    }
}

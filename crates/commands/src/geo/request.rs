//! The arguments of a search, in the order in which Redis reads and refuses them.

use data::Zset;
use data::geo::{Position, Shape};
use engine::Error;
use engine::args::{Options, is};
use resp::Args;

use super::arguments::position;
use super::shape::Area;

/// Which arguments a command has.
pub struct Dialect {
    /// The argument with the key that is searched.
    pub source: usize,
    /// The first option.
    pub options: usize,
    /// What says the centre, in fixed arguments that end with a radius and its unit; without them options say both.
    pub fixed: Option<Fixed>,
    /// Whether the result is stored (at the first argument) or may be (at a key that an option names).
    pub stores: bool,
}

/// A centre that stands behind the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// A longitude and a latitude.
    Position,
    /// A member.
    Member,
}

/// Around what is searched.
#[derive(Clone, Copy)]
pub enum Center {
    /// A position.
    At(Position),
    /// A member's, if there is a sorted set to have it.
    Member(Option<Position>),
}

/// The order of the reply by distance.
#[derive(Clone, Copy)]
pub enum Order {
    /// The nearest first.
    Ascending,
    /// The farthest first.
    Descending,
}

/// Where the result goes.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Whether scores are the distances.
    pub distances: bool,
}

/// What is asked for.
#[derive(Default)]
pub struct Request<'a> {
    pub center: Option<Center>,
    pub area: Option<Area>,
    pub order: Option<Order>,
    /// At most so many; all if not said.
    pub count: Option<usize>,
    /// Whether those found first will do.
    pub any: bool,
    pub with_distance: bool,
    pub with_hash: bool,
    pub with_position: bool,
    pub destination: Option<Destination<'a>>,
}

impl Center {
    /// The position of a member; without a sorted set the request is read all the same.
    fn of_member(member: &[u8], zset: Option<&Zset>) -> Result<Center, Error> {
        let score = zset.map(|zset| zset.score(member));
        let unknown = Error::text("ERR could not decode requested zset member");
        let position = score.map(|score| score.map(Position::of_score).ok_or(unknown)).transpose()?;
        Ok(Center::Member(position))
    }
}

impl<'a> Request<'a> {
    /// Reads the arguments. `zset` is what is searched: a member's position is looked up as it is read.
    pub fn parse(args: Args<'a>, dialect: &Dialect, zset: Option<&Zset>) -> Result<Request<'a>, Error> {
        let mut request = Request::default();
        match dialect.fixed {
            Some(Fixed::Position) => {
                request.center = Some(Center::At(position(args.at(2), args.at(3))?));
                request.area = Some(Area::circle(args.at(4), args.at(5))?);
            }
            Some(Fixed::Member) if zset.is_some() => {
                request.center = Some(Center::of_member(args.at(2), zset)?);
                request.area = Some(Area::circle(args.at(3), args.at(4))?);
            }
            Some(Fixed::Member) => {}
            None if dialect.stores => {
                request.destination = Some(Destination { key: args.at(1), distances: false });
            }
            None => {}
        }
        let mut options = Options::new(args, dialect.options);
        while let Some(word) = options.next() {
            let is_known = request.accept(word, &mut options)?
                || match dialect.fixed {
                    Some(_) => dialect.stores && request.accept_store(word, &mut options),
                    None => request.accept_search(word, &mut options, zset)?,
                };
            if !is_known {
                return Err(Error::Syntax);
            }
        }
        request.check(args, dialect).map(|()| request)
    }

    /// Takes an option that all commands have.
    fn accept(&mut self, word: &[u8], options: &mut Options<'a>) -> Result<bool, Error> {
        match word {
            _ if is(word, "WITHDIST") => self.with_distance = true,
            _ if is(word, "WITHHASH") => self.with_hash = true,
            _ if is(word, "WITHCOORD") => self.with_position = true,
            _ if is(word, "ANY") => self.any = true,
            _ if is(word, "ASC") => self.order = Some(Order::Ascending),
            _ if is(word, "DESC") => self.order = Some(Order::Descending),
            _ if is(word, "COUNT") && options.left() > 0 => {
                let count = usize::try_from(options.integer()?).ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(Error::text("ERR COUNT must be > 0"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes an option of GEORADIUS and GEORADIUSBYMEMBER.
    fn accept_store(&mut self, word: &[u8], options: &mut Options<'a>) -> bool {
        let distances = is(word, "STOREDIST");
        let key = if distances || is(word, "STORE") { options.next() } else { None };
        if let Some(key) = key {
            self.destination = Some(Destination { key, distances });
        }
        key.is_some()
    }

    /// Takes an option of GEOSEARCH and GEOSEARCHSTORE.
    fn accept_search(
        &mut self,
        word: &[u8],
        options: &mut Options<'a>,
        zset: Option<&Zset>,
    ) -> Result<bool, Error> {
        let (center, shape) = (self.center, self.area.map(|area| area.shape));
        match word {
            _ if is(word, "STOREDIST") => match &mut self.destination {
                Some(destination) => destination.distances = true,
                None => return Ok(false),
            },
            _ if is(word, "FROMMEMBER") && options.left() >= 1 && !matches!(center, Some(Center::At(_))) => {
                self.center = Some(Center::of_member(options.value()?, zset)?);
            }
            _ if is(word, "FROMLONLAT")
                && options.left() >= 2
                && !matches!(center, Some(Center::Member(_))) =>
            {
                self.center = Some(Center::At(position(options.value()?, options.value()?)?));
            }
            _ if is(word, "BYRADIUS") && options.left() >= 2 && !matches!(shape, Some(Shape::Box { .. })) => {
                self.area = Some(Area::circle(options.value()?, options.value()?)?);
            }
            _ if is(word, "BYBOX") && options.left() >= 3 && !matches!(shape, Some(Shape::Circle { .. })) => {
                let [width, height, unit] = [options.value()?, options.value()?, options.value()?];
                self.area = Some(Area::rectangle(width, height, unit)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the options go together, and none is missing.
    fn check(&self, args: Args, dialect: &Dialect) -> Result<(), Error> {
        let is_search = dialect.fixed.is_none();
        if self.destination.is_some() && (self.with_distance || self.with_hash || self.with_position) {
            let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Error::err(format_args!(
                "{what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let one_of = |options: &str| {
            let command = String::from_utf8_lossy(args.at(0));
            Err(Error::err(format_args!("exactly one of {options} can be specified for {command}")))
        };
        match (is_search, self.center, self.area) {
            (true, None, _) => one_of("FROMMEMBER or FROMLONLAT"),
            (true, _, None) => one_of("BYRADIUS and BYBOX"),
            _ if self.any && self.count.is_none() => {
                Err(Error::text("ERR the ANY argument requires COUNT argument"))
            }
            _ => Ok(()),
        }
    }

    /// Metres of the unit that distances are told in.
    pub fn metres(&self) -> f64 {
        self.area.map_or(1.0, |area| area.metres)
    }
}

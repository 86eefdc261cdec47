//! LOLWUT: a picture, another one each time.
//!
//! A carnelian under the loupe: points are strewn over a stone, each rules the facet of all places nearest to it, and light
//! from the upper left decides how bright a facet is.

use engine::args::{integer, is};
use engine::{Arg, CARNELIAN_VERSION, Command, Flags, Group, Handler, Outcome, REDIS_VERSION, ServerCx};

/// LOLWUT [VERSION version]
pub const LOLWUT: Command = Command {
    name: "lolwut",
    group: Group::Server,
    since: "5.0.0",
    summary: "Draws a stone, and says the version.",
    arity: -1,
    flags: Flags::READONLY.union(Flags::FAST),
    args: &[Arg::integer("version").token("VERSION").optional()],
    handler: Handler::Server(lolwut),
    ..Command::DEFAULT
};

/// Size of the stone in characters; these are twice as high as they are wide.
const WIDTH: i64 = 44;
const HEIGHT: i64 = 20;
const FACETS: usize = 16;
/// From dark to bright.
const SHADES: &[u8] = b".:-=+*#%@";

fn lolwut(cx: &mut ServerCx) -> Outcome {
    if cx.args.len() >= 3 && is(cx.args.at(1), "VERSION") {
        integer(cx.args.at(2))?;
    }
    let mut random = || cx.view.random();
    let picture = stone(&mut random);
    let text =
        format!("{picture}\nCarnelian ver. {CARNELIAN_VERSION}, speaks as Redis ver. {REDIS_VERSION}\n");
    cx.reply().verbatim("txt", text.as_bytes());
    Ok(())
}

fn stone(random: &mut dyn FnMut() -> u64) -> String {
    let mut within = |limit: i64| (random() >> 33) as i64 % limit;
    let facets: Vec<(i64, i64)> = (0..FACETS).map(|_| (within(WIDTH), within(HEIGHT))).collect();
    let mut out = String::new();
    for y in 0..HEIGHT {
        let line: String =
            (0..WIDTH).map(|x| if is_stone(x, y) { shade(&facets, x, y) } else { ' ' }).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Whether a place belongs to the stone: an ellipse.
fn is_stone(x: i64, y: i64) -> bool {
    let part = |at: i64, size: i64| {
        let from_middle = (2 * at + 1 - size) as f64 / size as f64;
        from_middle * from_middle
    };
    part(x, WIDTH) + part(y, HEIGHT) <= 1.0
}

/// The brightness of a place's facet: the farther down and to the right its point, the darker.
fn shade(facets: &[(i64, i64)], x: i64, y: i64) -> char {
    let distance = |(fx, fy): &(i64, i64)| (fx - x).pow(2) + 4 * (fy - y).pow(2);
    let Some((fx, fy)) = facets.iter().min_by_key(|facet| distance(facet)) else { return ' ' };
    let darkness = (fx + 2 * fy) as usize * SHADES.len() / (WIDTH + 2 * HEIGHT) as usize;
    SHADES[SHADES.len() - 1 - darkness.min(SHADES.len() - 1)] as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    #[test]
    fn a_stone_and_the_version() {
        let mut seed = 1u64;
        let picture = stone(&mut || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed
        });
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!((lines.len() as i64, lines[HEIGHT as usize / 2].len() as i64), (HEIGHT, WIDTH));
        let shades: std::collections::BTreeSet<char> =
            picture.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(shades.len() > 3, "{picture}");
        let mut t = Tester::new(crate::FAMILIES);
        assert!(t.reply("LOLWUT VERSION 5 1 2").ends_with(&format!("Redis ver. {REDIS_VERSION}\n")));
        t.check("LOLWUT VERSION five", "-ERR value is not an integer or out of range");
    }
}

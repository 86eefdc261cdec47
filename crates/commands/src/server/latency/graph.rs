//! LATENCY GRAPH: a series as columns of text, the oldest at the left, each with its age written downwards below it.

use std::fmt::Write as _;

use engine::latency::Series;

/// Columns in a row; longer series take several rows.
const COLUMNS: usize = 80;
/// Lines that the highest column takes.
const LINES: u64 = 4;
/// How full the topmost cell of a column is, by thirds.
const TOPS: [char; 3] = ['_', 'o', '#'];

/// Draws a series; `now` in Unix seconds.
pub fn draw(event: &str, series: &Series, now: i64) -> String {
    let values: Vec<u64> = series.samples.iter().map(|s| s.millis).collect();
    let (high, low) = (values.iter().max().copied().unwrap_or(0), values.iter().min().copied().unwrap_or(0));
    let ages: Vec<String> = series.samples.iter().map(|s| age(now - s.time)).collect();
    let mut out = String::new();
    let _ = writeln!(out, "{event} - high {high} ms, low {low} ms (all time high {} ms)", series.worst);
    let _ = writeln!(out, "{}", "-".repeat(COLUMNS));
    for (values, ages) in values.chunks(COLUMNS).zip(ages.chunks(COLUMNS)) {
        let heights: Vec<u64> = values.iter().map(|value| height(*value, low, high)).collect();
        for line in (0..LINES).rev() {
            push_line(&mut out, heights.iter().map(|height| cell(*height, line)));
        }
        out.push('\n');
        let depth = ages.iter().map(String::len).max().unwrap_or(0);
        for line in 0..depth {
            push_line(&mut out, ages.iter().map(|age| age.chars().nth(line).unwrap_or(' ')));
        }
    }
    out
}

fn push_line(out: &mut String, cells: impl Iterator<Item = char>) {
    let line: String = cells.collect();
    out.push_str(line.trim_end());
    out.push('\n');
}

/// The height of a column in thirds of a line: 1 for the lowest value of the series, all lines for the highest.
fn height(value: u64, low: u64, high: u64) -> u64 {
    let steps = LINES * TOPS.len() as u64 - 1;
    1 + (value - low).saturating_mul(steps).checked_div(high - low).unwrap_or(0)
}

fn cell(height: u64, line: u64) -> char {
    match height.checked_sub(line * TOPS.len() as u64) {
        None | Some(0) => ' ',
        Some(thirds) => *TOPS.get(thirds as usize - 1).unwrap_or(&'|'),
    }
}

/// How long ago, in the largest unit that fits.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::latency::Sample;

    #[test]
    fn columns_grow_with_their_values() {
        let samples = [(0, 100), (86_395, 300), (86_399, 500)];
        let samples = samples.iter().map(|(time, millis)| Sample { time: *time, millis: *millis }).collect();
        let drawn = draw("command", &Series { samples, worst: 700 }, 86_400);
        let expected = format!(
            "command - high 500 ms, low 100 ms (all time high 700 ms)\n{}\n  #\n  |\n #|\n_||\n\n151\ndss\n",
            "-".repeat(80)
        );
        assert_eq!(drawn, expected);
    }

    #[test]
    fn long_series_take_several_rows() {
        let samples = (0..100).map(|time| Sample { time, millis: 7 }).collect();
        let drawn = draw("fork", &Series { samples, worst: 7 }, 3600 * 5);
        assert_eq!(
            drawn.lines().filter(|line| line.contains("hhhh")).map(str::len).collect::<Vec<_>>(),
            [80, 20]
        );
        assert_eq!(
            (age(59), age(61), age(7200), age(90_000)),
            ("59s".into(), "1m".into(), "2h".into(), "1d".into())
        );
    }
}

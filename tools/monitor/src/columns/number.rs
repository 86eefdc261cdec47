//! Numbers in three digits.

/// `0`, `999`, `2.57M`, `25.8k`, `5.69GB`: three significant digits, powers of 1,000 for counts and of 1,024 for bytes (`unit` is `B`).
pub fn human(value: f64, unit: &str) -> String {
    let (base, prefixes) = if unit.is_empty() {
        (1000.0, ["", "k", "M", "G", "T", "P"])
    } else {
        (1024.0, ["", "K", "M", "G", "T", "P"])
    };
    let mut scaled = value;
    let mut step = 0;
    // 999.5 would be written as 1000.
    while scaled.abs() >= 999.5 && step + 1 < prefixes.len() {
        scaled /= base;
        step += 1;
    }
    let decimals = match scaled.abs() {
        _ if step == 0 => 0,
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.decimals$}{}{unit}", prefixes[step])
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (81.4, "81"),
            (999.0, "999"),
            (999.6, "1.00k"),
            (25_830.0, "25.8k"),
            (2_834.0, "2.83k"),
            (2_570_000.0, "2.57M"),
            (119_000.0, "119k"),
        ] {
            assert_eq!(human(value, ""), expected);
        }
        for (value, expected) in [
            (0.0, "0B"),
            (853_752.0, "834KB"),
            (6_109_590_978.0, "5.69GB"),
            (1023.0, "1.00KB"),
            (f64::MAX, ""),
        ] {
            let text = human(value, "B");
            assert!(expected.is_empty() || text == expected, "{text}");
        }
    }
}

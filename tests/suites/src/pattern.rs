//! Patterns of the reviewed lists.

/// Whether `text` matches a pattern whose only special sign is `*`, any run of characters.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    text.char_indices().map(|(i, _)| i).chain([text.len()]).any(|i| matches(rest, &text[i..]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn star_matches_any_run() {
        assert!(matches("A * C", "A B C") && matches("*", "") && matches("A*", "A") && matches("*C", "AC C"));
        assert!(!matches("A * C", "A C") && !matches("A", "AB") && !matches("", "A"));
    }
}

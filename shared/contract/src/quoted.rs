/// The most characters of a text that a message shows.
const MOST: usize = 64;

/// A client's text in a message: in quotes, short, and in one line.
pub fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    let rest = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    format!("'{shown}{rest}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_what_breaks_lines_is_escaped() {
        assert_eq!(quoted("é\n\0"), "'é\\n\\0'");
        let (longest, too_long) = ("é".repeat(MOST), "é".repeat(MOST + 1));
        assert_eq!(quoted(&longest), format!("'{longest}'"));
        assert_eq!(quoted(&too_long), format!("'{longest}…'"));
    }
}

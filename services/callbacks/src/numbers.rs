//! Numbers to call.

use configmgt_runtime::text;

/// What makes a number easier to read, and is not dialled; the two blanks at which no line is broken are what spreadsheets and word
/// processors put there. The index of open numbers leaves out the same.
const SEPARATORS: [char; 8] = [' ', '\u{a0}', '\u{202f}', '.', '-', '/', '(', ')'];

/// The most characters of a number with its separators.
const MAX: usize = 64;

/// What is dialled for a number: two of the same are one.
pub(crate) fn dialled(number: &str) -> String {
    number.replace(SEPARATORS, "")
}

/// Says why a text is no number to call, if it is none.
pub(crate) fn check(number: &str) -> Result<(), String> {
    let dialled = dialled(number);
    if number.chars().count() <= MAX && text::is_dialled(dialled.strip_prefix('+').unwrap_or(&dialled)) {
        return Ok(());
    }
    Err(format!(
        "is not 1 to {} of the digits, * and #, maybe behind a + and with separators between",
        text::MAX_DIALLED
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_have_separators_and_a_plus_before_it() {
        for number in [
            "1000",
            "0230210092",
            "+33 2 30 21 00 92",
            "02.30.21.00.92",
            "+33 (0)2-30/21",
            "*10#",
            &"1".repeat(40),
            "02\u{a0}30\u{202f}21",
            &"1\u{202f}".repeat(32),
        ] {
            assert_eq!(check(number), Ok(()), "{number}");
        }
        for number in [
            "",
            " ",
            "\u{a0}",
            "02\u{2003}30",
            &" ".repeat(64),
            "+",
            "-",
            "John",
            "O'Neill",
            "=1+1",
            "++33",
            "1+1",
            "12a",
            "0230210092é",
            &"1".repeat(41),
        ] {
            assert!(check(number).is_err(), "{number}");
        }
    }

    #[test]
    fn two_numbers_that_differ_in_separators_only_are_dialled_as_one() {
        assert_eq!(dialled("+33 (2)-30.21/00\u{a0}9\u{202f}2"), "+33230210092");
    }
}

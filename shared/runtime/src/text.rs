//! What a text field may hold.

/// The most characters of most texts.
pub const MAX: usize = 128;

/// The most characters of a number that is dialled.
pub const MAX_DIALLED: usize = 40;

/// Says why `value` cannot be the text of `field`, if it cannot.
pub fn check(field: &str, value: &str, max: usize) -> Result<(), String> {
    fits(value, max).map_err(|reason| format!("{field} {reason}"))
}

/// Says why `value` cannot be a technical name, if it cannot: one stands in paths, file names and dial plans.
pub fn check_name(value: &str) -> Result<(), String> {
    check("name", value, MAX)?;
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let reason = || "name has characters other than letters, digits, _, . and -".to_owned();
    value.bytes().all(possible).then_some(()).ok_or_else(reason)
}

/// [`check`] without the name of the field.
pub fn fits(value: &str, max: usize) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if value.chars().count() > max {
        return Err(format!("has more than {max} characters"));
    }
    if value.chars().any(char::is_control) {
        return Err("contains a control character".to_owned());
    }
    Ok(())
}

/// Says why a text is no number as XiVO dials it, if it is none.
pub fn dialled(value: &str) -> Result<(), String> {
    is_dialled(value).then_some(()).ok_or_else(|| format!("is not 1 to {MAX_DIALLED} of the digits, * and #"))
}

/// Whether a text is a number as XiVO dials it.
pub fn is_dialled(value: &str) -> bool {
    (1..=MAX_DIALLED).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'))
}

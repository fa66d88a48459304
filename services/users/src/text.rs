//! What a text field may hold.

/// The most characters of most texts.
pub(crate) const MAX: usize = 128;

/// Says why `value` cannot be the text of `field`, if it cannot.
pub(crate) fn check(field: &str, value: &str, max: usize) -> Result<(), String> {
    fits(value, max).map_err(|reason| format!("{field} {reason}"))
}

/// The same without the name of the field.
pub(crate) fn fits(value: &str, max: usize) -> Result<(), String> {
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

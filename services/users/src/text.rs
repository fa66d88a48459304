//! What a text field may hold.

/// The most characters of most texts.
pub(crate) const MAX: usize = 128;

/// Says why `value` cannot be the text of `field`, if it cannot.
pub(crate) fn check(field: &str, value: &str, max: usize) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err(format!("{field} must not be empty"));
    }
    if value.chars().count() > max {
        return Err(format!("{field} has more than {max} characters"));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("{field} contains a control character"));
    }
    Ok(())
}

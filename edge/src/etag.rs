//! The version of an object as HTTP knows it.

use axum::http::HeaderValue;
use configmgt_contract::{Expected, Fault, Status};

/// `"7"` for version 7.
pub(crate) fn of(version: i64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok()
}

/// What an `If-Match` expects: `*`, or entity tags with commas between. A tag that is none of ours, or a weak one, matches nothing.
pub(crate) fn expected(header: &str) -> Result<Expected, Fault> {
    if header.trim() == "*" {
        return Ok(Expected::Existing);
    }
    let mut versions = Vec::new();
    for tag in header.split(',').map(str::trim) {
        let (weak, quoted) = tag.strip_prefix("W/").map_or((false, tag), |quoted| (true, quoted));
        let opaque = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(|| {
            Fault::new(Status::Invalid, "the header if-match is neither * nor a list of entity tags like \"7\"")
        })?;
        versions
            .extend(opaque.parse().ok().filter(|version: &i64| !weak && *version > 0 && version.to_string() == opaque));
    }
    Ok(Expected::OneOf(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_if_match_names_the_versions_that_will_do() {
        assert_eq!(expected("*"), Ok(Expected::Existing));
        assert_eq!(expected("\"7\""), Ok(Expected::OneOf(vec![7])));
        assert_eq!(expected("\"7\", \"8\""), Ok(Expected::OneOf(vec![7, 8])));
        assert_eq!(expected("W/\"7\", \"x\", \"07\""), Ok(Expected::OneOf(Vec::new())));
        assert_eq!(expected("7").unwrap_err().status, Status::Invalid);
    }
}

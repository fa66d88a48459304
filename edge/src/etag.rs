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
    let tags = header.split(',').map(str::trim);
    let versions = tags.map(version).collect::<Option<Vec<_>>>();
    let versions = versions.ok_or_else(|| {
        Fault::new(Status::Invalid, "the header if-match is neither * nor a list of entity tags like \"7\"")
    })?;
    Ok(Expected::OneOf(versions.into_iter().flatten().collect()))
}

/// The version that an entity tag names, if it names one; `None` where it is no entity tag.
fn version(tag: &str) -> Option<Option<i64>> {
    let (weak, quoted) = tag.strip_prefix("W/").map_or((false, tag), |quoted| (true, quoted));
    let opaque = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let version = opaque.parse().ok().filter(|version: &i64| *version > 0 && version.to_string() == opaque);
    Some(version.filter(|_| !weak))
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

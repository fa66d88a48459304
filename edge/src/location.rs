//! Where a new object is.

use axum::http::HeaderValue;
use configmgt_contract::percent;

/// The place of the object `id` below `path`. What a part of a path cannot hold is percent-encoded.
pub(crate) fn below(path: &str, id: &str) -> Option<HeaderValue> {
    let id = percent::encode(id, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
    HeaderValue::from_str(&format!("{path}/{id}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_object_is_below_the_path_that_made_it() {
        assert_eq!(below("/api/2.0/users", "7").unwrap(), "/api/2.0/users/7");
        assert_eq!(below("/api/2.0/labels", "é/1 ?").unwrap(), "/api/2.0/labels/%C3%A9%2F1%20%3F");
    }
}

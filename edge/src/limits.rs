//! What a request may not exceed.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, Uri, request::Parts},
};
use bytes::Bytes;
use configmgt_contract::{Fault, Status};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

/// The longest path with its query.
pub(crate) const MAX_URI: usize = 8 * 1024;
/// All header names and values together.
pub(crate) const MAX_HEADER_BYTES: usize = 16 * 1024;
pub(crate) const MAX_HEADERS: usize = 64;
/// The largest JSON body; it travels over the bus in one message.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn check(head: &Parts) -> Result<(), Fault> {
    let uri = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if uri > MAX_URI {
        return Err(Fault::new(Status::UriTooLong, format!("the path has more than {MAX_URI} bytes")));
    }
    let bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_HEADER_BYTES || head.headers.len() > MAX_HEADERS {
        let message = format!("the headers are more than {MAX_HEADERS} or have more than {MAX_HEADER_BYTES} bytes");
        return Err(Fault::new(Status::HeadersTooLarge, message));
    }
    Ok(())
}

/// Reads the whole body.
pub(crate) async fn read(body: Body) -> Result<Bytes, Fault> {
    let collected = timeout(BODY_PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Fault::new(Status::TooLarge, format!("the body has more than {MAX_BODY} bytes")))
        }
        Ok(Err(error)) => Err(Fault::new(Status::Invalid, format!("the body could not be read: {error}"))),
        Err(_) => Err(Fault::new(Status::RequestTimeout, "the body did not come in time")),
    }
}

/// A header's value, if it has one that may travel on: 1 to 255 visible ASCII characters.
pub(crate) fn plain<'headers>(headers: &'headers HeaderMap, name: &str) -> Result<Option<&'headers str>, Fault> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let plain = value.to_str().ok().filter(|value| (1..=255).contains(&value.len()) && !value.contains('\t'));
    plain.map(Some).ok_or_else(|| {
        Fault::new(Status::Invalid, format!("the header {name} is not 1 to 255 visible ASCII characters"))
    })
}

/// The same address with each run of slashes in its path as one: clients in the field send `/api/1.0//callback_lists`.
pub(crate) fn collapse_slashes(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") {
        return None;
    }
    let mut collapsed = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !collapsed.ends_with('/') {
            collapsed.push(character);
        }
    }
    if let Some(query) = uri.query() {
        collapsed.extend(["?", query]);
    }
    collapsed.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_slashes_become_one_and_the_query_stays() {
        let collapsed = collapse_slashes(&"//configmgt///api/1.0//lists?next=a//b".parse().unwrap());
        assert_eq!(collapsed.unwrap().to_string(), "/configmgt/api/1.0/lists?next=a//b");
        assert_eq!(collapse_slashes(&"/configmgt/api?x=//".parse().unwrap()), None);
    }
}

//! What a request may not exceed.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    http::{HeaderMap, Uri, request::Parts},
};
use bytes::{Bytes, BytesMut};
use configmgt_contract::{Fault, IMPORT_CONTENT, PIECE_BYTES, Status, Upload};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{sleep, timeout};

/// The longest path with its query.
pub(crate) const MAX_URI: usize = 8 * 1024;
/// All header names and values together.
pub(crate) const MAX_HEADER_BYTES: usize = 16 * 1024;
pub(crate) const MAX_HEADERS: usize = 64;
/// The largest JSON body; it travels over the bus in one message.
pub(crate) const MAX_BODY: usize = 256 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// What the content of an import may not exceed.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    pub bytes: usize,
    /// How long it may take to arrive.
    pub patience: Duration,
    /// How long nothing of it may come.
    pub silence: Duration,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self { bytes: 512 * 1024 * 1024, patience: IMPORT_CONTENT, silence: Duration::from_secs(10) }
    }
}

/// A piece of an import waits no longer than this to become full: the service must see that a slow client is still there.
const GATHERING: Duration = Duration::from_secs(1);

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
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(MAX_BODY)),
        Ok(Err(error)) => Err(Fault::new(Status::Invalid, format!("the body could not be read: {error}"))),
        Err(_) => Err(Fault::new(Status::RequestTimeout, "the body did not come in time")),
    }
}

/// The body in pieces, while it comes; refused before that where it says itself that it is too large.
pub(crate) fn content(body: Body, limits: ImportLimits) -> Result<Upload, Fault> {
    if body.size_hint().lower() > limits.bytes as u64 {
        return Err(too_large(limits.bytes));
    }
    let until = Instant::now() + limits.patience;
    let frames = body.into_data_stream();
    let content = Content { frames, limits, until, ended: false, come: 0, held: BytesMut::new() };
    let pieces = stream::try_unfold(content, |mut content| async {
        let piece = content.next().await?;
        Ok(piece.map(|piece| (piece, content)))
    });
    Ok(pieces.boxed())
}

fn too_large(most: usize) -> Fault {
    Fault::new(Status::TooLarge, format!("the body has more than {most} bytes"))
}

struct Content {
    frames: BodyDataStream,
    limits: ImportLimits,
    until: Instant,
    ended: bool,
    /// How many bytes have come.
    come: usize,
    /// What has come and is in no piece yet.
    held: BytesMut,
}

impl Content {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let late = || Fault::new(Status::RequestTimeout, "the body did not come in time");
        if self.held.is_empty() && !self.ended {
            let patience = self.limits.silence.min(self.until.saturating_duration_since(Instant::now()));
            timeout(patience, self.hold()).await.map_err(|_| late())??;
        }
        let gathered = sleep(GATHERING);
        tokio::pin!(gathered);
        while self.held.len() < PIECE_BYTES && !self.ended {
            tokio::select! {
                held = self.hold() => held?,
                () = &mut gathered => break,
            }
        }
        let length = self.held.len().min(PIECE_BYTES);
        Ok((length > 0).then(|| self.held.split_to(length).freeze()))
    }

    /// Takes what comes next.
    async fn hold(&mut self) -> Result<(), Fault> {
        match self.frames.next().await {
            Some(Ok(frame)) => {
                self.come += frame.len();
                if self.come > self.limits.bytes {
                    return Err(too_large(self.limits.bytes));
                }
                self.held.extend_from_slice(&frame);
            }
            Some(Err(error)) => {
                return Err(Fault::new(Status::Invalid, format!("the body could not be read: {error}")));
            }
            None => self.ended = true,
        }
        Ok(())
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

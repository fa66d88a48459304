//! What travels beside a body. A message's text never goes into a header: a line break there would break the protocol.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use configmgt_contract::{Call, Expected, Fault, IdempotencyKey, Status, Whole, events};

const REQUEST_ID: HeaderName = HeaderName::from_static("Configmgt-Request-Id");
const ACTOR: HeaderName = HeaderName::from_static("Configmgt-Actor");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("Configmgt-Idempotency-Key");
const EXPECTED: HeaderName = HeaderName::from_static("Configmgt-Expected");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// How many milliseconds the caller goes on waiting, counted from the moment of sending.
const PATIENCE: HeaderName = HeaderName::from_static("Configmgt-Patience-Ms");
/// Who sent it, and when by its own clock: see [`crate::freshness`].
const SENDER: HeaderName = HeaderName::from_static("Configmgt-Sender");
const SENT: HeaderName = HeaderName::from_static("Configmgt-Sent-Ms");
/// On a reply: as how old the request was taken, where that is worth telling.
const AGE: HeaderName = HeaderName::from_static("Configmgt-Age-Ms");
/// The version of the object that a reply shows.
const VERSION: HeaderName = HeaderName::from_static("Configmgt-Version");
/// The id of the object that was created.
const CREATED: HeaderName = HeaderName::from_static("Configmgt-Created");
/// Where the next piece of a streamed reply can be asked for.
const NEXT: HeaderName = HeaderName::from_static("Configmgt-Next");
/// On a piece of an import: none comes after it.
const LAST: HeaderName = HeaderName::from_static("Configmgt-Last");
/// Beside where the next piece is wanted: not yet, the sender is to ask with an empty one.
const BUSY: HeaderName = HeaderName::from_static("Configmgt-Busy");
/// The NATS micro-service convention for errors.
const ERROR: HeaderName = HeaderName::from_static("Nats-Service-Error");
const ERROR_CODE: HeaderName = HeaderName::from_static("Nats-Service-Error-Code");

/// The sending side's own clock: milliseconds since it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: String,
    pub(crate) sent_ms: u64,
}

/// What a service reads from a request's headers.
pub(crate) struct Received {
    pub(crate) request_id: String,
    pub(crate) actor: String,
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    pub(crate) expected: Option<Expected>,
    pub(crate) traceparent: Option<String>,
    pub(crate) patience: Duration,
    pub(crate) stamp: Option<Stamp>,
}

impl Received {
    pub(crate) fn read(headers: Option<&HeaderMap>) -> Option<Self> {
        let headers = headers?;
        let text = |name: HeaderName| headers.get(name).map(|value| value.as_str().to_owned());
        let number = |name: HeaderName| headers.get(name).and_then(|value| value.as_str().parse().ok());
        Some(Self {
            request_id: text(REQUEST_ID)?,
            actor: text(ACTOR)?,
            idempotency_key: readable(text(IDEMPOTENCY_KEY)).ok()?,
            expected: readable(text(EXPECTED)).ok()?,
            traceparent: text(TRACEPARENT),
            patience: Duration::from_millis(number(PATIENCE)?),
            stamp: text(SENDER).zip(number(SENT)).map(|(sender, sent_ms)| Stamp { sender, sent_ms }),
        })
    }

    pub(crate) fn into_call(self, age: Duration) -> Call {
        Call {
            request_id: self.request_id,
            actor: self.actor,
            idempotency_key: self.idempotency_key,
            expected: self.expected,
            traceparent: self.traceparent,
            deadline: Instant::now() + self.patience.saturating_sub(age),
        }
    }
}

pub(crate) fn of_request(call: &Call, traceparent: Option<&str>, patience: Duration, stamp: &Stamp) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, REQUEST_ID, &call.request_id);
    set(&mut headers, ACTOR, &call.actor);
    set(&mut headers, PATIENCE, &patience.as_millis().to_string());
    set(&mut headers, SENDER, &stamp.sender);
    set(&mut headers, SENT, &stamp.sent_ms.to_string());
    if let Some(key) = &call.idempotency_key {
        set(&mut headers, IDEMPOTENCY_KEY, &key.to_string());
    }
    if let Some(expected) = &call.expected {
        set(&mut headers, EXPECTED, &expected.to_string());
    }
    if let Some(traceparent) = traceparent.or(call.traceparent.as_deref()) {
        set(&mut headers, TRACEPARENT, traceparent);
    }
    headers
}

pub(crate) fn of_fault(fault: &Fault) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, ERROR, fault.status.code());
    set(&mut headers, ERROR_CODE, &fault.status.http().to_string());
    headers
}

/// What travels beside the body of a reply that comes in one piece.
pub(crate) fn of_whole(whole: &Whole) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(version) = whole.version {
        set(&mut headers, VERSION, &version.to_string());
    }
    if let Some(created) = &whole.created {
        set(&mut headers, CREATED, &events::to_header(created));
    }
    headers
}

pub(crate) fn of_part(next: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(next) = next {
        set(&mut headers, NEXT, next);
    }
    headers
}

/// Tells as how old the request was taken.
pub(crate) fn set_age(headers: &mut HeaderMap, age: Duration) {
    set(headers, AGE, &age.as_millis().to_string());
}

/// As how old the request was taken, if that is told.
pub(crate) fn age(headers: Option<&HeaderMap>) -> Option<Duration> {
    headers?.get(AGE)?.as_str().parse().ok().map(Duration::from_millis)
}

/// Where the next piece of an import is wanted, and whether it is wanted already.
pub(crate) fn of_demand(next: &str, busy: bool) -> HeaderMap {
    let mut headers = of_part(Some(next));
    if busy {
        set(&mut headers, BUSY, "1");
    }
    headers
}

/// What travels beside a piece of an import.
pub(crate) fn of_content(last: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if last {
        set(&mut headers, LAST, "1");
    }
    headers
}

pub(crate) fn is_last(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(LAST).is_some())
}

pub(crate) fn is_busy(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(BUSY).is_some())
}

/// The reply that [`of_whole`] wrote the headers of.
pub(crate) fn whole(headers: Option<&HeaderMap>, body: Bytes) -> Whole {
    let text = |name: HeaderName| headers.and_then(|headers| headers.get(name)).map(HeaderValue::as_str);
    let version = text(VERSION).and_then(|version| version.parse().ok());
    Whole { body, version, created: text(CREATED).and_then(events::from_header) }
}

/// A header that is there must be readable: without it the request would be another one.
fn readable<T: FromStr>(text: Option<String>) -> Result<Option<T>, T::Err> {
    text.map(|text| text.parse()).transpose()
}

pub(crate) fn next_piece(headers: Option<&HeaderMap>) -> Option<String> {
    headers?.get(NEXT).map(|value| value.as_str().to_owned())
}

/// The fault that a reply carries, if it is one.
pub(crate) fn fault(headers: Option<&HeaderMap>, body: &[u8]) -> Option<Fault> {
    let code = headers?.get(ERROR_CODE)?.as_str();
    let status = code.parse().ok().and_then(Status::from_http).unwrap_or(Status::Broken);
    Some(Fault::from_envelope(status, body).unwrap_or_else(|_| Fault::new(status, "the service gave no reason")))
}

/// Leaves a value out that no header can hold; the edge refuses such values before they come here.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse::<HeaderValue>() {
        headers.insert(name, value);
    }
}

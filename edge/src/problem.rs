//! Everything that goes wrong, as a client sees it.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use configmgt_contract::{Fault, Status};
use serde_json::Value;

/// The detail by which a refusal says after how many seconds it makes sense to ask again.
const SECONDS: &str = "seconds";

/// The fault's status with its envelope.
pub(crate) fn response(fault: &Fault) -> Response<Body> {
    let mut response = Response::new(Body::from(fault.envelope()));
    *response.status_mut() = StatusCode::from_u16(fault.status.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(fault.status, Status::Unavailable | Status::TooManyRequests) {
        // Where it is not known, the next second is as good as any.
        let seconds = fault.details.get(SECONDS).and_then(Value::as_u64).unwrap_or(1);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

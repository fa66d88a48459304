//! Everything that goes wrong, as a client sees it.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use configmgt_contract::{Fault, Status};

/// After this many seconds it makes sense to ask again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The fault's status with its envelope.
pub(crate) fn response(fault: &Fault) -> Response<Body> {
    let mut response = Response::new(Body::from(fault.envelope()));
    *response.status_mut() = StatusCode::from_u16(fault.status.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if matches!(fault.status, Status::Unavailable | Status::TooManyRequests) {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

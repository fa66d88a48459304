//! Whether the process lives, and whether the product can do its work.

use std::time::Duration;

use axum::{body::Body, extract::State, http::Response, response::IntoResponse};
use configmgt_contract::{Fault, SERVICES, Status};
use futures_util::future::join_all;
use serde_json::json;

use crate::{exchange::Edge, problem};

/// How long a service may take to answer its ping.
const PATIENCE: Duration = Duration::from_secs(1);

/// `GET /livez`: this process answers.
pub(crate) async fn livez() -> Response<Body> {
    axum::Json(json!({"status": "live"})).into_response()
}

/// `GET /readyz`: NATS answers a round trip, and each service its ping.
pub(crate) async fn readyz(State(edge): State<Edge>) -> Response<Body> {
    let pings = SERVICES.map(|service| edge.transport.ping(service, PATIENCE));
    let missing: Vec<_> = join_all(pings).await.into_iter().filter_map(Result::err).collect();
    if missing.is_empty() {
        return axum::Json(json!({"status": "ready", "services": SERVICES})).into_response();
    }
    let mut reasons: Vec<_> = missing.into_iter().map(|fault| fault.message).collect();
    reasons.dedup();
    problem::response(&Fault::new(Status::Unavailable, format!("not ready: {}", reasons.join("; "))))
}

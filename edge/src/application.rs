//! One request from its head to its response.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, Response, header},
    routing::get,
};
use configmgt_bus::{Events, Transport};
use configmgt_contract::{Call, Fault, IdempotencyKey, Status};
use opentelemetry::{KeyValue, trace::TraceContextExt};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;
use tracing::{Instrument, debug, debug_span, info};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{
    ImportLimits, Tokens, documents, etag,
    exchange::{Edge, Route},
    health, limits, problem,
    routes::routes,
};

/// Readers that may follow the changes at a time.
const FEEDS: usize = 1024;

/// Below these paths a token is needed.
const GUARDED: [&str; 2] = ["/configmgt/api/1.0", "/configmgt/api/2.0"];

const REQUEST_ID: &str = "x-request-id";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const IF_MATCH: &str = "if-match";
const TRACEPARENT: &str = "traceparent";

/// The whole of the HTTP side, without a socket.
#[derive(Clone)]
pub struct Application {
    tokens: Tokens,
    router: Router,
    stop: Arc<watch::Sender<bool>>,
}

impl Application {
    pub fn new(tokens: Tokens, transport: Arc<dyn Transport>, events: Arc<dyn Events>) -> Self {
        Self::with_limits(tokens, transport, events, ImportLimits::default())
    }

    /// The same with other limits of imports.
    pub fn with_limits(
        tokens: Tokens,
        transport: Arc<dyn Transport>,
        events: Arc<dyn Events>,
        imports: ImportLimits,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let router = routes()
            .router()
            .route("/livez", get(health::livez))
            .route("/readyz", get(health::readyz))
            .merge(documents::router())
            .fallback(|| async { problem::response(&Fault::new(Status::NotFound, "there is nothing at this path")) })
            .method_not_allowed_fallback(|| async {
                problem::response(&Fault::new(Status::MethodNotAllowed, "the path does not know this method"))
            })
            .with_state(Edge { transport, events, imports, feeds: Arc::new(Semaphore::new(FEEDS)), stopping });
        Self { tokens, router, stop: Arc::new(stop) }
    }

    /// Ends the answers that would not end by themselves.
    pub fn end_feeds(&self) {
        self.stop.send_replace(true);
    }

    /// Answers one request, and logs it.
    pub async fn respond(&self, request: Request<Body>) -> Response<Body> {
        let began = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let request_id = request_id(request.headers());
        let span = debug_span!("request", otel.kind = "server", otel.name = %method, request_id);
        let traceparent = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
        configmgt_bus::continue_trace(&span, traceparent);
        let mut response = self.checked(request, &request_id).instrument(span.clone()).await;
        if let Ok(request_id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, request_id);
        }
        let route = response.extensions().get::<Route>().map_or("none", |route| route.0);
        let status = response.status().as_u16();
        if !span.is_disabled() {
            // Only now the route is known; a field recorded twice would not rename the exported span.
            let exported = span.context();
            exported.span().update_name(format!("{method} {route}"));
            exported.span().set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
        if is_probe(&path) {
            debug!(parent: &span, request_id, %method, path, status, duration_ms, "probe");
        } else {
            info!(parent: &span, request_id, %method, route, path, status, duration_ms, "request");
        }
        response
    }

    async fn checked(&self, request: Request<Body>, request_id: &str) -> Response<Body> {
        match self.admit(request, request_id) {
            Ok(request) => match self.router.clone().oneshot(request).await {
                Ok(response) => enveloped(response),
                Err(never) => match never {},
            },
            Err(fault) => problem::response(&fault),
        }
    }

    /// Checks what does not depend on the route, and notes what the route needs to know.
    fn admit(&self, request: Request<Body>, request_id: &str) -> Result<Request<Body>, Fault> {
        let (mut head, body) = request.into_parts();
        limits::check(&head)?;
        if let Some(uri) = limits::collapse_slashes(&head.uri) {
            head.uri = uri;
        }
        if GUARDED.iter().any(|guarded| is_below(head.uri.path(), guarded)) {
            let call = Call {
                request_id: request_id.to_owned(),
                actor: self.tokens.actor(&head.headers)?.to_owned(),
                idempotency_key: limits::plain(&head.headers, IDEMPOTENCY_KEY)?
                    .map(|key| IdempotencyKey::Client(key.to_owned())),
                expected: limits::plain(&head.headers, IF_MATCH)?.map(etag::expected).transpose()?,
                traceparent: limits::plain(&head.headers, TRACEPARENT)?.map(str::to_owned),
                // As if its body were here: the route begins anew where it has to read one.
                deadline: Instant::now() + limits::PATIENCE,
            };
            head.extensions.insert(call);
        }
        Ok(Request::from_parts(head, body))
    }
}

/// The client's own id where it sent one that can travel, or a new one.
fn request_id(headers: &HeaderMap) -> String {
    match limits::plain(headers, REQUEST_ID) {
        Ok(Some(id)) => id.to_owned(),
        _ => uuid::Uuid::now_v7().simple().to_string(),
    }
}

/// Probes come every few seconds for ever: at the usual level they would bury the requests.
fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Gives an error that the router itself answered the envelope that every error has.
fn enveloped(response: Response<Body>) -> Response<Body> {
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !(status.is_client_error() || status.is_server_error()) || is_json {
        return response;
    }
    let other = if status.is_server_error() { Status::Broken } else { Status::Invalid };
    let known = Status::from_http(status.as_u16()).unwrap_or(other);
    problem::response(&Fault::new(known, status.canonical_reason().unwrap_or("the request cannot be answered")))
}

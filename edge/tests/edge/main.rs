//! The edge without a socket: requests against the application, with real services behind it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod documents;
mod imports;
mod requests;

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, header::HeaderValue},
};
use configmgt_bus::Local;
use configmgt_edge::{Application, ImportLimits, Token, Tokens};
use configmgt_runtime::{connections::Connections, journal::Journal, service::Description};
use configmgt_stack::databases::Database;
use http_body_util::BodyExt;
use serde_json::Value;

pub(crate) const TOKEN: &str = "the token";

/// An answer, whole.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }
}

/// The application with the services that have operations.
pub(crate) async fn application() -> Application {
    application_with(ImportLimits::default()).await
}

/// The same with these limits of imports.
pub(crate) async fn application_with(imports: ImportLimits) -> Application {
    let services = [
        configmgt_callbacks::SERVICE,
        configmgt_meetingroom::SERVICE,
        configmgt_queue_dissuasion::SERVICE,
        configmgt_users::SERVICE,
    ];
    over(local(&services).await, imports)
}

/// The application with these services only.
pub(crate) async fn application_of(services: &[Description]) -> Application {
    over(local(services).await, ImportLimits::default())
}

async fn local(services: &[Description]) -> Local {
    let database = Database::create().await.unwrap();
    services.iter().fold(Local::default(), |local, service| {
        let journal = Journal::new(Connections::new(database.of_service(service.name)));
        local.with(Arc::new(service.handlers(&journal).unwrap()))
    })
}

pub(crate) fn over(local: Local, imports: ImportLimits) -> Application {
    let local = Arc::new(local);
    Application::with_limits(Tokens::new(vec![Token::new("test", TOKEN)]), local.clone(), local, imports)
}

/// A request with the token.
pub(crate) fn request(method: &str, path: &str) -> Request<Body> {
    with_body(method, path, Body::empty())
}

pub(crate) fn with_body(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::new(body.into());
    *request.method_mut() = method.parse::<Method>().unwrap();
    *request.uri_mut() = path.parse().unwrap();
    request.headers_mut().insert("x-auth-token", HeaderValue::from_static(TOKEN));
    request
}

pub(crate) async fn answered(application: &Application, request: Request<Body>) -> Answered {
    let (head, body) = application.respond(request).await.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answered { status: head.status.as_u16(), headers: head.headers, text }
}

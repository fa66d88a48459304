//! Routes that know what they mean: from one entry come the handler and its part of the OpenAPI document.

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
    routing::{MethodFilter, MethodRouter, on},
};
use configmgt_bus::Request as BusRequest;
use configmgt_contract::{Answer, Body as BodyDoc, Call, Fault, Operation, OperationDoc, RefusalDoc, Reply, Status};

use crate::{
    exchange::{Edge, Route},
    inputs::{Described, Incoming, Input},
    limits, problem,
};

/// The product's routes, in the order of the documents.
#[derive(Default)]
pub struct Table {
    pub(crate) entries: Vec<Entry>,
    section: &'static str,
    base: &'static str,
}

/// One method on one path.
pub struct Entry {
    pub method: Method,
    /// With its parameters in braces.
    pub path: &'static str,
    pub section: &'static str,
    pub operation: OperationDoc,
    pub(crate) inputs: Described,
    pub(crate) success: u16,
    pub(crate) reply: Option<BodyDoc>,
    pub(crate) refusals: Vec<&'static RefusalDoc>,
    handler: MethodRouter<Edge>,
}

impl Table {
    /// The routes that follow are documented under `section` and lie below `base`.
    #[must_use]
    pub(crate) const fn section(mut self, section: &'static str, base: &'static str) -> Self {
        self.section = section;
        self.base = base;
        self
    }

    #[must_use]
    pub(crate) fn get<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::GET, MethodFilter::GET, path, ask)
    }

    #[must_use]
    pub(crate) fn post<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::POST, MethodFilter::POST, path, ask)
    }

    #[must_use]
    pub(crate) fn put<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::PUT, MethodFilter::PUT, path, ask)
    }

    #[must_use]
    pub(crate) fn delete<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::DELETE, MethodFilter::DELETE, path, ask)
    }

    fn entry<I, A: Ask<I>>(mut self, method: Method, filter: MethodFilter, path: &str, ask: A) -> Self {
        // The table lives as long as the process, and log lines name its paths.
        let path: &'static str = Box::leak(format!("{}{path}", self.base).into_boxed_str());
        let mut inputs = Described::default();
        A::describe(&mut inputs);
        let handler = on(filter, move |State(edge): State<Edge>, parameters, request| {
            let ask = ask.clone();
            async move {
                let outcome = relay(&edge, &ask, parameters, request).await;
                let mut response = outcome.unwrap_or_else(|fault| problem::response(&fault));
                response.extensions_mut().insert(Route(path));
                response
            }
        });
        self.entries.push(Entry {
            method,
            path,
            section: self.section,
            operation: A::Operation::DOC,
            inputs,
            success: <A::Operation as Operation>::Reply::SUCCESS.http(),
            reply: <A::Operation as Operation>::Reply::schema(),
            refusals: OperationDoc::refusals_of::<A::Operation>().collect(),
            handler,
        });
        self
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn router(self) -> Router<Edge> {
        self.entries.into_iter().fold(Router::new(), |router, entry| router.route(entry.path, entry.handler))
    }
}

/// How a route makes its operation from what it takes of the request.
pub(crate) trait Ask<Inputs>: Clone + Send + Sync + 'static {
    type Operation: Operation;

    fn ask(&self, incoming: &Incoming) -> Result<Self::Operation, Fault>;

    fn describe(inputs: &mut Described);
}

impl<F, O> Ask<()> for F
where
    F: Fn() -> O + Clone + Send + Sync + 'static,
    O: Operation,
{
    type Operation = O;

    fn ask(&self, _: &Incoming) -> Result<O, Fault> {
        Ok(self())
    }

    fn describe(_: &mut Described) {}
}

impl<F, O, A> Ask<(A,)> for F
where
    F: Fn(A) -> O + Clone + Send + Sync + 'static,
    O: Operation,
    A: Input,
{
    type Operation = O;

    fn ask(&self, incoming: &Incoming) -> Result<O, Fault> {
        Ok(self(A::read(incoming)?))
    }

    fn describe(inputs: &mut Described) {
        A::describe(inputs);
    }
}

/// Asks the service, and passes its bytes on as they are.
async fn relay<I, A: Ask<I>>(
    edge: &Edge,
    ask: &A,
    parameters: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request,
) -> Result<Response<Body>, Fault> {
    let parameters = parameters.map_err(|error| Fault::new(Status::Invalid, error.body_text()))?;
    let path = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (mut head, body) = request.into_parts();
    let call =
        head.extensions.remove::<Call>().ok_or_else(|| Fault::new(Status::Unauthorized, "no token was checked"))?;
    let incoming = Incoming { path, body: limits::read(body).await? };
    let operation = ask.ask(&incoming)?;
    let request = BusRequest::new(&operation, call).map_err(|error| Fault::new(Status::Invalid, error.to_string()))?;
    let answer = edge.transport.call(request).await?;
    Ok(success::<A::Operation>(answer))
}

fn success<O: Operation>(answer: Answer) -> Response<Body> {
    let body = match answer {
        Answer::Whole(bytes) => Body::from(bytes),
        Answer::Pieces(pieces) => Body::from_stream(pieces),
    };
    let mut response = Response::new(body);
    let status = O::Reply::SUCCESS.http();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    if response.status() != StatusCode::NO_CONTENT {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

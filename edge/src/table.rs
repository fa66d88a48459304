//! Routes that know what they mean: from one entry come the handler and its part of the OpenAPI document.

use std::time::Instant;

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
    middleware::map_response,
    routing::{MethodFilter, MethodRouter, on},
};
use bytes::Bytes;
use configmgt_bus::Request as BusRequest;
use configmgt_contract::{
    Answer, Body as BodyDoc, Call, Fault, IMPORT_ANSWER, IdempotencyKey, Kind, LENGTHY, Operation, OperationDoc,
    RefusalDoc, Reply, Status, Success, Whole,
};
use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    etag,
    exchange::{Edge, Route},
    inputs::{Described, Incoming, Input, QueryParameter},
    limits, location, problem,
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
    /// Whether the answer has an `ETag`.
    pub(crate) versioned: bool,
    /// Whether the answer has a `Location`.
    pub(crate) creates: bool,
    /// The content type of the answer.
    pub(crate) kind: &'static str,
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

    /// A route that more than one service answers: `exchange` says how.
    #[must_use]
    pub(crate) fn get_by<I, A: Ask<I>>(self, path: &str, ask: A, exchange: Exchange<A::Operation>) -> Self {
        self.entry(Method::GET, MethodFilter::GET, path, ask, exchange)
    }

    /// As [`Table::get_by`].
    #[must_use]
    pub(crate) fn post_by<I, A: Ask<I>>(self, path: &str, ask: A, exchange: Exchange<A::Operation>) -> Self {
        self.entry(Method::POST, MethodFilter::POST, path, ask, exchange)
    }

    /// A route whose answer does not end.
    #[must_use]
    pub(crate) fn feed(mut self, path: &str, feed: &Feed, handler: MethodRouter<Edge>) -> Self {
        let path = self.absolute(path);
        self.entries.push(Entry {
            method: Method::GET,
            path,
            section: self.section,
            operation: feed.operation,
            inputs: Described { query: feed.query, ..Described::default() },
            success: 200,
            versioned: false,
            creates: false,
            kind: "text/event-stream",
            reply: Some((feed.reply)()),
            refusals: Vec::new(),
            handler: handler.layer(map_response(move |mut response: Response<Body>| async move {
                response.extensions_mut().insert(Route(path));
                response
            })),
        });
        self
    }

    #[must_use]
    pub(crate) fn get<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::GET, MethodFilter::GET, path, ask, ask_owner)
    }

    #[must_use]
    pub(crate) fn post<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::POST, MethodFilter::POST, path, ask, ask_owner)
    }

    #[must_use]
    pub(crate) fn put<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::PUT, MethodFilter::PUT, path, ask, ask_owner)
    }

    /// A route whose body is the content of an import. It passes through while it comes, whatever its content type.
    #[must_use]
    pub(crate) fn import<I>(self, path: &str, example: &'static str, ask: impl Ask<I>) -> Self {
        let mut table = self.post(path, ask);
        if let Some(entry) = table.entries.last_mut() {
            entry.inputs.content = Some(example);
        }
        table
    }

    /// A route whose body is a JSON merge patch (RFC 7396): what it leaves out stays as it is, and `null` removes.
    #[must_use]
    pub(crate) fn patch<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::PATCH, MethodFilter::PATCH, path, ask, ask_owner)
    }

    #[must_use]
    pub(crate) fn delete<I>(self, path: &str, ask: impl Ask<I>) -> Self {
        self.entry(Method::DELETE, MethodFilter::DELETE, path, ask, ask_owner)
    }

    /// The table lives as long as the process, and log lines name its paths.
    fn absolute(&self, path: &str) -> &'static str {
        Box::leak(format!("{}{path}", self.base).into_boxed_str())
    }

    fn entry<I, A: Ask<I>>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        ask: A,
        exchange: Exchange<A::Operation>,
    ) -> Self {
        let path = self.absolute(path);
        let mut inputs = Described::default();
        A::describe(&mut inputs);
        let handler = on(filter, move |State(edge): State<Edge>, parameters, request| {
            let ask = ask.clone();
            async move {
                let outcome = relay(edge, &ask, exchange, parameters, request).await;
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
            versioned: <A::Operation as Operation>::Reply::VERSIONED,
            creates: <A::Operation as Operation>::Reply::SUCCESS == Success::Created,
            kind: <A::Operation as Operation>::Reply::CONTENT_TYPE,
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

/// How an operation gets its answer.
pub(crate) type Exchange<O> = fn(Edge, O, Call) -> BoxFuture<'static, Result<Answer, Fault>>;

/// A route whose answer does not end, for the documents.
pub(crate) struct Feed {
    pub(crate) operation: OperationDoc,
    pub(crate) query: &'static [QueryParameter],
    pub(crate) reply: fn() -> BodyDoc,
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

impl<F, O, A, B> Ask<(A, B)> for F
where
    F: Fn(A, B) -> O + Clone + Send + Sync + 'static,
    O: Operation,
    A: Input,
    B: Input,
{
    type Operation = O;

    fn ask(&self, incoming: &Incoming) -> Result<O, Fault> {
        Ok(self(A::read(incoming)?, B::read(incoming)?))
    }

    fn describe(inputs: &mut Described) {
        A::describe(inputs);
        B::describe(inputs);
    }
}

/// Asks the service, and passes its bytes on as they are.
async fn relay<I, A: Ask<I>>(
    edge: Edge,
    ask: &A,
    exchange: Exchange<A::Operation>,
    parameters: Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>,
    request: Request,
) -> Result<Response<Body>, Fault> {
    let parameters = parameters.map_err(|error| Fault::new(Status::Invalid, error.body_text()))?;
    let path = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (mut head, body) = request.into_parts();
    let mut call =
        head.extensions.remove::<Call>().ok_or_else(|| Fault::new(Status::Unauthorized, "no token was checked"))?;
    if A::Operation::DOC.kind == Kind::Import {
        let incoming = Incoming { uri: head.uri, path, body: Bytes::new() };
        call.deadline = Instant::now() + edge.imports.patience + IMPORT_ANSWER;
        let request = self::request(&ask.ask(&incoming)?, A::Operation::DOC, call)?;
        let content = limits::content(body, edge.imports)?;
        let answer = edge.transport.import(request, content).await?;
        return Ok(success::<A::Operation>(incoming.uri.path(), answer));
    }
    let incoming = Incoming { uri: head.uri, path, body: limits::read(body).await? };
    let operation = ask.ask(&incoming)?;
    let path = incoming.uri.path();
    if A::Operation::DOC.kind == Kind::Lengthy {
        call.deadline = Instant::now() + LENGTHY;
    }
    if A::Operation::DOC.kind == Kind::Write && call.idempotency_key.is_none() {
        // So that the edge itself can ask again.
        call.idempotency_key = Some(IdempotencyKey::Edge(uuid::Uuid::new_v4().simple().to_string()));
    }
    let answer = exchange(edge, operation, call).await?;
    Ok(success::<A::Operation>(path, answer))
}

/// Asks the service that owns the operation.
fn ask_owner<O: Operation>(edge: Edge, operation: O, call: Call) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move { edge.transport.call(request(&operation, O::DOC, call)?).await }.boxed()
}

/// The request for `operation`, as the service of `doc` has it.
pub(crate) fn request<O: Operation>(operation: &O, doc: OperationDoc, call: Call) -> Result<BusRequest, Fault> {
    let request = BusRequest::new(operation, call).map_err(|error| Fault::new(Status::Invalid, error.to_string()))?;
    Ok(BusRequest { operation: doc, ..request })
}

/// The answer to a request for `path`.
fn success<O: Operation>(path: &str, answer: Answer) -> Response<Body> {
    let (body, version, created) = match answer {
        Answer::Whole(Whole { body, version, created }) => (Body::from(body), version, created),
        Answer::Pieces(pieces) => (Body::from_stream(pieces), None, None),
    };
    let mut response = Response::new(body);
    let status = O::Reply::SUCCESS.http();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    if response.status() != StatusCode::NO_CONTENT {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(O::Reply::CONTENT_TYPE));
    }
    if let Some(tag) = version.and_then(etag::of) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if let Some(location) = created.and_then(|id| location::below(path, &id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

//! The OpenAPI document, made from the table of routes, and the Swagger UI that shows it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderValue, Method, Response, header},
    response::{IntoResponse, Redirect},
    routing::get,
};
use configmgt_contract::{Body as BodyDoc, Fault, Kind, RefusalDoc, Status};
use utoipa::openapi::{
    AllOfBuilder, Components, ComponentsBuilder, Content, ContentBuilder, Info, InfoBuilder, License, ObjectBuilder,
    OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, Response as ResponseDoc, ResponseBuilder, Schema, Tag,
    Type,
    example::ExampleBuilder,
    header::HeaderBuilder,
    path::{HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::AnyOfBuilder,
    security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_swagger_ui::Config;

use crate::{
    ImportLimits, asyncapi,
    exchange::Edge,
    inputs::{self, QueryParameter},
    limits, problem,
    routes::routes,
    table::{Entry, Table},
};

const UI: &str = "/configmgt/api/";
const DOCUMENT: &str = "/configmgt/openapi.json";
const EVENTS: &str = "/configmgt/asyncapi.json";
const TOKEN: &str = "token";

/// What is said of a body that is too large, where it is JSON and where it is a file.
static TOO_LARGE_BODY: LazyLock<String> = LazyLock::new(|| limits::too_large(limits::MAX_BODY).message);
static TOO_LARGE_FILE: LazyLock<String> = LazyLock::new(|| limits::too_large(ImportLimits::default().bytes).message);

/// The documents, made when they are first asked for: what that takes of memory would stay with every edge.
static OPENAPI: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&document(&routes())).unwrap_or_default());
static ASYNCAPI: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string_pretty(&asyncapi::document()).unwrap_or_default());

/// `/configmgt/api`, `/configmgt/openapi.json` and `/configmgt/asyncapi.json`, all open: they tell nothing of the configuration.
pub(crate) fn router() -> Router<Edge> {
    let config = Arc::new(Config::from(DOCUMENT).try_it_out_enabled(true).persist_authorization(true));
    let index = Arc::clone(&config);
    Router::new()
        .route(DOCUMENT, get(|| shown(&OPENAPI)))
        .route(EVENTS, get(|| shown(&ASYNCAPI)))
        .route("/configmgt/api", get(|| async { Redirect::permanent(UI) }))
        .route(UI, get(move || async move { file("index.html", index) }))
        .route("/configmgt/api/{file}", get(|Path(name): Path<String>| async move { file(&name, config) }))
}

async fn shown(document: &'static LazyLock<String>) -> Response<Body> {
    // To make it takes longer than a request may keep the others waiting.
    match tokio::task::spawn_blocking(|| document.as_str()).await {
        Ok(document) => ([(header::CONTENT_TYPE, "application/json")], document).into_response(),
        Err(failed) => problem::response(&Fault::new(Status::Broken, failed.to_string())),
    }
}

fn file(name: &str, config: Arc<Config<'static>>) -> Response<Body> {
    match utoipa_swagger_ui::serve(name, config) {
        Ok(Some(file)) => {
            let kind = HeaderValue::from_str(&file.content_type).ok();
            let mut response = file.bytes.into_owned().into_response();
            if let Some(kind) = kind {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        _ => problem::response(&Fault::new(Status::NotFound, "there is nothing at this path")),
    }
}

/// The document of all routes.
pub(crate) fn document(table: &Table) -> OpenApi {
    let mut paths = PathsBuilder::new();
    let mut components = ComponentsBuilder::new().schema("Error", error_schema());
    let mut tags: Vec<Tag> = Vec::new();
    for entry in table.entries() {
        for body in entry.inputs.body.iter().chain(&entry.reply) {
            components = components.schemas_from_iter(body.components.clone());
        }
        for refusal in entry.refusals.iter().filter(|refusal| !refusal.details.is_empty()) {
            components = components.schema(refusal.code, detailed_schema(refusal));
            let details = refusal.details.iter().flat_map(|detail| (detail.body)().components);
            components = components.schemas_from_iter(details);
        }
        if tags.last().is_none_or(|tag| tag.name != entry.section) {
            tags.push(TagBuilder::new().name(entry.section).build());
        }
        let item = utoipa::openapi::PathItem::new(method(entry), operation(entry));
        paths = paths.path(entry.path, item);
    }
    let mut components: Components = components.build();
    components.add_security_scheme(TOKEN, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Auth-Token"))));
    OpenApiBuilder::new()
        .info(info())
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags))
        .security(Some([SecurityRequirement::new(TOKEN, Vec::<String>::new())]))
        .build()
}

fn info() -> Info {
    InfoBuilder::new()
        .title("XiVO configuration server")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Every error is answered as `{\"error\", \"message\"}`, some with more beside that. Where a number is asked for, `207.0` is as good as `207`.",
        ))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .build()
}

fn method(entry: &Entry) -> HttpMethod {
    match entry.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "DELETE" => HttpMethod::Delete,
        "PATCH" => HttpMethod::Patch,
        _ => HttpMethod::Get,
    }
}

fn operation(entry: &Entry) -> Operation {
    let mut text = entry.operation.text.iter().map(|line| line.trim());
    let summary = text.next().unwrap_or_default();
    let description = text.collect::<Vec<_>>().join("\n").trim().to_owned();
    let mut operation = OperationBuilder::new()
        .tag(entry.section)
        .operation_id(Some(entry.operation.name))
        .summary(Some(summary))
        .description(Some(description));
    for (name, (kind, example)) in parameters(entry.path).zip(&entry.inputs.path) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(inputs::schema(kind.clone())))
            .example(Some(example.clone()));
        operation = operation.parameter(parameter);
    }
    for QueryParameter { name, kind, description } in entry.inputs.query {
        let parameter = ParameterBuilder::new()
            .name(*name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(*description))
            .schema(Some(inputs::schema(kind.clone())));
        operation = operation.parameter(parameter);
    }
    for (name, description) in headers(entry) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(inputs::schema(Type::String)));
        operation = operation.parameter(parameter);
    }
    if let Some(body) = &entry.inputs.body {
        let kind = if entry.method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = RequestBodyBuilder::new().content(kind, json(body)).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    if let Some(example) = entry.inputs.content {
        let content = ContentBuilder::new().schema(Some(inputs::schema(Type::String))).example(Some(example.into()));
        let body = RequestBodyBuilder::new().content("text/csv", content.build()).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    operation = operation.response(entry.success.to_string(), success(entry));
    for (status, refusals) in refusals(entry) {
        operation = operation.response(status.http().to_string(), refused(status, &refusals));
    }
    operation.build()
}

/// The headers that the operation heeds, beside the token.
fn headers(entry: &Entry) -> Vec<(&'static str, &'static str)> {
    if entry.feed {
        return vec![("Last-Event-ID", "The `id` of the last event that the reader has got.")];
    }
    let key = (
        "Idempotency-Key",
        "1 to 255 visible ASCII characters. A write that is repeated with the same key is carried out once, and answered as the first time, for as long as keys are kept: 24 hours, unless the setting IDEMPOTENCY_RETENTION_HOURS says otherwise.",
    );
    let tag = (
        "If-Match",
        "The `ETag` of the object as the client knows it. Where the object has another one, nothing is changed.",
    );
    match entry.operation.kind {
        Kind::Write | Kind::Lengthy => vec![key, tag],
        Kind::Import => vec![key],
        Kind::Read | Kind::Attempt => Vec::new(),
    }
}

/// The names in braces.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

fn success(entry: &Entry) -> ResponseDoc {
    match &entry.reply {
        Some(reply) => {
            let mut response = ResponseBuilder::new().description("Done").content(entry.content_type, json(reply));
            if entry.versioned {
                let tag = HeaderBuilder::new()
                    .schema(Some(inputs::schema(Type::String)))
                    .description(Some("The version of the object."));
                response = response.header("ETag", tag.build());
            }
            if entry.creates {
                let location = HeaderBuilder::new()
                    .schema(Some(inputs::schema(Type::String)))
                    .description(Some("The path of the new object."));
                response = response.header("Location", location.build());
            }
            response.build()
        }
        None => ResponseBuilder::new().description("Done, without a body").build(),
    }
}

fn json(body: &BodyDoc) -> Content {
    ContentBuilder::new().schema(Some(body.schema.clone())).example(Some(body.example.clone())).build()
}

/// What the service can refuse, and what the way to it can, by status.
fn refusals(entry: &Entry) -> BTreeMap<Status, Vec<RefusalDoc>> {
    let mut refusals: BTreeMap<Status, Vec<RefusalDoc>> = BTreeMap::new();
    let inputs = &entry.inputs;
    let takes_something = inputs.body.is_some() || !inputs.path.is_empty() || !inputs.query.is_empty();
    let writes = matches!(entry.operation.kind, Kind::Write | Kind::Lengthy);
    let imports = entry.operation.kind == Kind::Import;
    let on_the_way = [
        (Status::Invalid, "what the request holds cannot be read", takes_something),
        (Status::Unauthorized, "the token in X-Auth-Token is not valid", true),
        (Status::PreconditionFailed, "the object has version {version}", writes),
        (Status::RequestTimeout, "the body did not come in time", imports || inputs.body.is_some()),
        (Status::TooLarge, &*TOO_LARGE_FILE, imports),
        (Status::Unprocessable, "the Idempotency-Key was used for another request", writes || imports),
        (Status::TooLarge, &*TOO_LARGE_BODY, inputs.body.is_some()),
        (Status::Broken, "something went wrong; the service's log says what", true),
        (Status::Unavailable, "the message bus cannot be reached", true),
        (Status::TimedOut, "the service did not answer in time", true),
    ];
    for (status, message, applies) in on_the_way {
        if applies {
            let refusal = RefusalDoc { variant: status.code(), status, code: status.code(), message, details: &[] };
            refusals.entry(status).or_default().push(refusal);
        }
    }
    for refusal in &entry.refusals {
        refusals.entry(refusal.status).or_default().push(**refusal);
    }
    refusals
}

fn refused(status: Status, refusals: &[RefusalDoc]) -> ResponseDoc {
    let mut content = ContentBuilder::new().schema(Some(refused_schema(refusals)));
    for refusal in refusals {
        let mut envelope = serde_json::json!({"error": refusal.code, "message": refusal.message});
        for detail in refusal.details {
            envelope[detail.name] = (detail.body)().example;
        }
        let example = ExampleBuilder::new().summary(refusal.code).value(Some(envelope)).build();
        content = content.examples_from_iter([(refusal.variant, RefOr::T(example))]);
    }
    ResponseBuilder::new().description(status.code()).content("application/json", content.build()).build()
}

/// The envelope, or one of those that hold more.
fn refused_schema(refusals: &[RefusalDoc]) -> RefOr<Schema> {
    let mut detailed = refusals.iter().filter(|refusal| !refusal.details.is_empty()).peekable();
    let error = Ref::from_schema_name("Error");
    if detailed.peek().is_none() {
        return error.into();
    }
    let any = detailed.map(|refusal| Ref::from_schema_name(refusal.code));
    any.fold(AnyOfBuilder::new(), AnyOfBuilder::item).item(error).into()
}

/// The envelope with what this refusal holds beside code and message.
fn detailed_schema(refusal: &RefusalDoc) -> RefOr<Schema> {
    let details = refusal.details.iter().fold(ObjectBuilder::new(), |object, detail| {
        object.property(detail.name, (detail.body)().schema).required(detail.name)
    });
    AllOfBuilder::new().item(Ref::from_schema_name("Error")).item(details).into()
}

fn error_schema() -> RefOr<Schema> {
    let text = |description| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    ObjectBuilder::new()
        .property("error", text("What kind of error it is; made for programs."))
        .property("message", text("What is wrong; made for people."))
        .required("error")
        .required("message")
        .into()
}

//! What a route takes from a request: parts of its path and its body.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::http::Uri;
use bytes::Bytes;
use configmgt_contract::{Body, Example, Fault, Status};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, Type},
};
use uuid::Uuid;

/// A request after its body was read.
pub(crate) struct Incoming {
    pub(crate) uri: Uri,
    /// The path's parameters, in its order: name and value.
    pub(crate) path: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// Something that a route takes from a request.
pub(crate) trait Input: Sized + Send {
    fn read(incoming: &Incoming) -> Result<Self, Fault>;

    fn describe(inputs: &mut Described);
}

/// What a route takes, for the documents.
#[derive(Default)]
pub(crate) struct Described {
    /// The type and an example of each path parameter, in the path's order.
    pub(crate) path: Vec<(Type, serde_json::Value)>,
    pub(crate) query: &'static [QueryParameter],
    pub(crate) body: Option<Body>,
}

/// The path's parameter.
pub(crate) struct Path<T>(pub(crate) T);

/// A path parameter's type.
pub(crate) trait Parameter: FromStr<Err: Display> + Send {
    const TYPE: Type;

    fn example() -> serde_json::Value;
}

impl Parameter for i32 {
    const TYPE: Type = Type::Integer;

    fn example() -> serde_json::Value {
        1.into()
    }
}

impl Parameter for Uuid {
    const TYPE: Type = Type::String;

    fn example() -> serde_json::Value {
        "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11".into()
    }
}

impl<T: Parameter> Input for Path<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        parameter(incoming, 0).map(Self)
    }

    fn describe(inputs: &mut Described) {
        inputs.path.push((T::TYPE, T::example()));
    }
}

fn parameter<T: Parameter>(incoming: &Incoming, index: usize) -> Result<T, Fault> {
    let (name, value) = incoming.path.get(index).map_or(("", ""), |(name, value)| (name, value));
    value
        .parse()
        .map_err(|error| Fault::new(Status::Invalid, format!("{name}: '{}' cannot be one: {error}", shown(value))))
}

/// The parameters behind the `?`. Those without a value count as absent; one that the route does not know is refused.
pub(crate) struct Query<T>(pub(crate) T);

/// A type whose values are written as query parameters.
pub(crate) trait Parameters: Sized + Send {
    const NAMES: &'static [QueryParameter];

    fn read(given: &Given) -> Result<Self, Fault>;
}

/// A query parameter as the documents describe it.
pub(crate) struct QueryParameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) description: &'static str,
}

/// The query parameters of a request.
pub(crate) struct Given(Vec<(String, String)>);

impl Given {
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// A whole number between these two, or the default.
    pub(crate) fn number(&self, name: &str, default: i64, between: RangeInclusive<i64>) -> Result<i64, Fault> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| between.contains(number));
        number.ok_or_else(|| {
            let (least, most) = between.into_inner();
            let message = format!("{name}: '{}' is no whole number from {least} to {most}", shown(&text));
            Fault::new(Status::Invalid, message)
        })
    }
}

impl<T: Parameters> Input for Query<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        given(&incoming.uri, T::NAMES).and_then(|given| T::read(&given)).map(Self)
    }

    fn describe(inputs: &mut Described) {
        inputs.query = T::NAMES;
    }
}

/// The query parameters of `uri`, if it has none but these.
pub(crate) fn given(uri: &Uri, known: &[QueryParameter]) -> Result<Given, Fault> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Fault::new(Status::Invalid, error.body_text()))?;
    let given: Vec<_> = pairs.0.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    match given.iter().find(|(name, _)| !known.iter().any(|parameter| parameter.name == name)) {
        None => Ok(Given(given)),
        Some((name, _)) => {
            let known: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            let message = format!("'{}': no such parameter; the parameters are {}", shown(name), known.join(", "));
            Err(Fault::new(Status::Invalid, message))
        }
    }
}

/// The body. Its content type does not matter: it is read as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + Serialize + ToSchema + Example + Send> Input for Json<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        let mut reader = serde_json::Deserializer::from_slice(&incoming.body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            let error = error.into_inner();
            let what = match field.as_str() {
                _ if !error.is_data() => "the body is no valid JSON".to_owned(),
                "." | "?" => "the body does not fit".to_owned(),
                field => format!("the body does not fit at {field}"),
            };
            Fault::new(Status::Invalid, format!("{what}: {error}"))
        })?;
        reader.end().map_err(|error| Fault::new(Status::Invalid, format!("the body is no valid JSON: {error}")))?;
        Ok(Self(value))
    }

    fn describe(inputs: &mut Described) {
        inputs.body = Some(Body::of::<T>());
    }
}

/// A client's text in a message: short, and in one line.
fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// How a path parameter looks in the documents.
pub(crate) fn schema(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

//! What a route takes from a request: parts of its path and its body.

use std::{fmt::Display, str::FromStr};

use bytes::Bytes;
use configmgt_contract::{Body, Example, Fault, Status};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, Type},
};

/// A request after its body was read.
pub(crate) struct Incoming {
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
    value.parse().map_err(|error| {
        let value: String = value.chars().take(64).flat_map(char::escape_debug).collect();
        Fault::new(Status::Invalid, format!("{name}: '{value}' cannot be one: {error}"))
    })
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

/// How a path parameter looks in the documents.
pub(crate) fn schema(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

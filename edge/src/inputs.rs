//! What a route takes from a request: parts of its path and its body.

use std::{ops::RangeInclusive, str::FromStr};

use axum::http::Uri;
use bytes::Bytes;
use configmgt_contract::{Body, Example, Fault, Status, quoted};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, Type},
};
use uuid::Uuid;

use crate::by_name::ByName;

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
    /// An example of the content, where the route is an import.
    pub(crate) content: Option<&'static str>,
}

/// The path's parameter, or its two as a pair.
pub(crate) struct Path<T>(pub(crate) T);

/// The most characters of a text in a path.
const MAX_TEXT: usize = 128;

/// A path parameter's type.
pub(crate) trait Parameter: Sized + Send {
    const TYPE: Type;

    /// Reads it from its place in the path, where it was percent-encoded. An error says why `text` cannot be one.
    fn read(text: &str) -> Result<Self, String>;

    fn example() -> serde_json::Value;
}

impl Parameter for i32 {
    const TYPE: Type = Type::Integer;

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn example() -> serde_json::Value {
        1.into()
    }
}

impl Parameter for Uuid {
    const TYPE: Type = Type::String;

    fn read(text: &str) -> Result<Self, String> {
        parsed(text)
    }

    fn example() -> serde_json::Value {
        "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11".into()
    }
}

/// A name: what the rules make of it is not known here, only that every service can hold it.
impl Parameter for String {
    const TYPE: Type = Type::String;

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.chars().count() > MAX_TEXT {
            return Err(format!("it has more than {MAX_TEXT} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("it contains a control character".to_owned());
        }
        Ok(text.to_owned())
    }

    fn example() -> serde_json::Value {
        "default".into()
    }
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

impl<T: Parameter> Input for Path<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        parameter(incoming, 0).map(Self)
    }

    fn describe(inputs: &mut Described) {
        inputs.path.push((T::TYPE, T::example()));
    }
}

impl<A: Parameter, B: Parameter> Input for Path<(A, B)> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        Ok(Self((parameter(incoming, 0)?, parameter(incoming, 1)?)))
    }

    fn describe(inputs: &mut Described) {
        inputs.path.extend([(A::TYPE, A::example()), (B::TYPE, B::example())]);
    }
}

fn parameter<T: Parameter>(incoming: &Incoming, index: usize) -> Result<T, Fault> {
    let (name, value) = incoming.path.get(index).map_or(("", ""), |(name, value)| (name, value));
    T::read(value)
        .map_err(|reason| Fault::new(Status::Invalid, format!("{name}: {} cannot be one: {reason}", quoted(value))))
}

/// The parameters behind the `?`. What the route does not know is nothing to it, and neither is one without a value, unless that is a
/// flag.
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
    /// Refuses what is not among these, where one that is misspelt must not count as left out.
    pub(crate) fn only(&self, names: &[QueryParameter]) -> Result<(), Fault> {
        let names: Vec<_> = names.iter().map(|parameter| parameter.name).collect();
        let Some((name, _)) = self.0.iter().find(|(given, _)| !names.contains(&given.as_str())) else { return Ok(()) };
        let message = format!("{}: no such parameter; the parameters are {}", quoted(name), names.join(", "));
        Err(Fault::new(Status::Invalid, message))
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(given, value)| given == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// `true`, `1` or no value at all; `false` or `0`, which is as good as no such parameter.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| given == name) else { return Ok(false) };
        match value.to_ascii_lowercase().as_str() {
            "" | "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(Fault::new(Status::Invalid, format!("{name}: {} is neither true nor false", quoted(value)))),
        }
    }

    pub(crate) fn uuid(&self, name: &str) -> Result<Option<Uuid>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let id =
            text.parse().map_err(|_| Fault::new(Status::Invalid, format!("{name}: {} is no UUID", quoted(&text))))?;
        Ok(Some(id))
    }

    /// A whole number between these two, or the default.
    pub(crate) fn number(&self, name: &str, default: i64, between: RangeInclusive<i64>) -> Result<i64, Fault> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| between.contains(number));
        number.ok_or_else(|| {
            let (least, most) = between.into_inner();
            let message = format!("{name}: {} is no whole number from {least} to {most}", quoted(&text));
            Fault::new(Status::Invalid, message)
        })
    }
}

impl<T: Parameters> Input for Query<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        given(&incoming.uri).and_then(|given| T::read(&given)).map(Self)
    }

    fn describe(inputs: &mut Described) {
        inputs.query = T::NAMES;
    }
}

/// The query parameters of `uri`.
pub(crate) fn given(uri: &Uri) -> Result<Given, Fault> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Fault::new(Status::Invalid, error.body_text()))?;
    Ok(Given(pairs.0))
}

/// The body. Its content type does not matter: it is read as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned + Serialize + ToSchema + Example + Send> Input for Json<T> {
    fn read(incoming: &Incoming) -> Result<Self, Fault> {
        let mut reader = serde_json::Deserializer::from_slice(&incoming.body);
        let value = serde_path_to_error::deserialize(ByName(&mut reader)).map_err(|error| {
            let field = error.path().to_string();
            let error = error.into_inner();
            // A value of another kind than a name is a syntax error to the reader of an enum.
            let is_json = error.is_data() || serde_json::from_slice::<IgnoredAny>(&incoming.body).is_ok();
            let what = match field.as_str() {
                _ if !is_json => "the body is no valid JSON".to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(path: &[(&str, &str)]) -> Incoming {
        let path = path.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Incoming { uri: Uri::default(), path, body: Bytes::new() }
    }

    fn refusal<T>(path: &[(&str, &str)]) -> String
    where
        Path<T>: Input,
    {
        Path::<T>::read(&incoming(path)).err().unwrap().message
    }

    #[test]
    fn a_text_in_a_path_has_1_to_128_characters_and_none_that_controls() {
        let longest = "é".repeat(128);
        for text in ["j.doe", "J O", longest.as_str()] {
            let Path(read) = Path::<String>::read(&incoming(&[("login", text)])).unwrap();
            assert_eq!(read, text);
        }
        assert_eq!(refusal::<String>(&[("login", "")]), "login: '' cannot be one: it is empty");
        let control = "login: 'a\\0' cannot be one: it contains a control character";
        assert_eq!(refusal::<String>(&[("login", "a\0")]), control);
        let too_long = "é".repeat(129);
        let shown = "é".repeat(64);
        let refused = format!("login: '{shown}…' cannot be one: it has more than 128 characters");
        assert_eq!(refusal::<String>(&[("login", &too_long)]), refused);
    }

    #[test]
    fn the_two_parameters_of_a_path_come_in_its_order_and_a_refusal_names_its_own() {
        let Path(pair) = Path::<(i32, String)>::read(&incoming(&[("id", "3"), ("key", "device")])).unwrap();
        assert_eq!(pair, (3, "device".to_owned()));
        let refused = refusal::<(i32, String)>(&[("id", "x"), ("key", "device")]);
        assert_eq!(refused, "id: 'x' cannot be one: invalid digit found in string");
        assert_eq!(refusal::<(i32, String)>(&[("id", "3"), ("key", "")]), "key: '' cannot be one: it is empty");
    }
}

//! Numbers as clients send them: as JSON numbers, as whole decimals (`207.0`) or as digit strings.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

/// The most digits a number may have: E.164's limit, and well below 2^53, so that every JSON reader keeps it exact.
pub const MAX_DIGITS: usize = 15;

/// A number that is dialled. Answered as a JSON number, so it cannot begin with a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialNumber(i64);

impl DialNumber {
    /// The number as the database keeps it.
    pub const fn from_stored(stored: i64) -> Self {
        Self(stored)
    }

    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Serialize for DialNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for DialNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = deserializer.deserialize_any(Digits)?;
        if digits.starts_with('0') {
            return Err(de::Error::custom("a number cannot begin with 0, as it is answered as a JSON number"));
        }
        digits.parse().map(Self).map_err(de::Error::custom)
    }
}

/// A PIN. A leading zero belongs to it, so it is kept as text, and answered as a number only when that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(String);

impl Pin {
    /// The PIN as the database keeps it.
    pub const fn from_stored(stored: String) -> Self {
        Self(stored)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let leading_zero = self.0.len() > 1 && self.0.starts_with('0');
        match self.0.parse::<i64>() {
            Ok(number) if !leading_zero => serializer.serialize_i64(number),
            _ => serializer.serialize_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits).map(Self)
    }
}

/// Reads digits from a string, or from a whole number that is not negative.
struct Digits;

impl de::Visitor<'_> for Digits {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number or a string of 1 to {MAX_DIGITS} digits")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        // Display writes a whole f64 below 10^16 without a point or an exponent.
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        let fits = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(text.to_owned()) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }
}

/// Reads a whole number that a client may have written as `100` or `100.0`.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    struct Whole;

    impl de::Visitor<'_> for Whole {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<i64, E> {
            Ok(number)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
            i64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
            // Display writes a whole f64 without a point; one that is out of range does not parse.
            number.to_string().parse().map_err(|_| E::invalid_value(de::Unexpected::Float(number), &self))
        }
    }

    deserializer.deserialize_any(Whole)
}

/// As [`whole`], for what may be left out.
pub fn optional_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "whole")] i64);

    Ok(Option::deserialize(deserializer)?.map(|Given(number)| number))
}

/// As [`whole_id`], for several that may be left out.
pub fn optional_whole_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i32>>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "whole_id")] i32);

    let given = Option::<Vec<Given>>::deserialize(deserializer)?;
    Ok(given.map(|ids| ids.into_iter().map(|Given(id)| id).collect()))
}

/// As [`whole_id`], for what may be left out.
pub fn optional_whole_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i32>, D::Error> {
    #[derive(Deserialize)]
    struct Given(#[serde(deserialize_with = "whole_id")] i32);

    Ok(Option::deserialize(deserializer)?.map(|Given(id)| id))
}

/// As [`whole`], for identifiers.
pub fn whole_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let number = whole(deserializer)?;
    i32::try_from(number).map_err(|_| de::Error::custom(format!("{number} is no possible id")))
}

fn digits_schema(pattern: &str, minimum: i32) -> OneOfBuilder {
    let number =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(minimum)).maximum(Some(999_999_999_999_999_i64));
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
    OneOfBuilder::new().item(number).item(text)
}

impl PartialSchema for DialNumber {
    fn schema() -> RefOr<Schema> {
        let description = "A number that is dialled: 1 to 15 digits, not beginning with 0. Answered as a number.";
        digits_schema("^[1-9][0-9]{0,14}$", 1).description(Some(description)).into()
    }
}

impl ToSchema for DialNumber {
    fn name() -> Cow<'static, str> {
        "DialNumber".into()
    }
}

impl PartialSchema for Pin {
    fn schema() -> RefOr<Schema> {
        let description = "1 to 15 digits. Answered as a number, or as a string when it begins with 0.";
        digits_schema("^[0-9]{1,15}$", 0).description(Some(description)).into()
    }
}

impl ToSchema for Pin {
    fn name() -> Cow<'static, str> {
        "Pin".into()
    }
}

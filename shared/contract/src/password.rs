//! Passwords on their way to the service that keeps them, where they become hashes.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// The most bytes of a password: what is longer is no password, and costs to hash.
pub const MAX_BYTES: usize = 1024;

/// A password as a client sends it. It shows in no message: not in `Debug`, and not in the error of a request that has something
/// else in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password, or why it is none.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("a password has at most {MAX_BYTES} bytes"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself, for hashing and for nothing else.
    pub const fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// The one that the documents show. No [`Example`](crate::Example), which would make passwords something to answer.
    pub(crate) fn example() -> Self {
        Self("doe".to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// As the edge hands it to the service.
impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        /// serde's own error would quote the number, which may well be a password of digits.
        fn a_number<E: de::Error>() -> E {
            E::invalid_type(de::Unexpected::Other("a number"), &"a string")
        }

        impl de::Visitor<'_> for Text {
            type Value = Password;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Password, E> {
                Password::new(text).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Password, E> {
                Err(a_number())
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Password, E> {
                Err(a_number())
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Password, E> {
                Err(a_number())
            }
        }

        // Asked for a string, serde_json would quote a number itself.
        deserializer.deserialize_any(Text)
    }
}

impl PartialSchema for Password {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .description(Some("At most 1,024 bytes."))
            .into()
    }
}

impl ToSchema for Password {
    fn name() -> Cow<'static, str> {
        "Password".into()
    }
}

//! The preferences of users: what the assistants keep for them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::ToSchema;

use crate::{Example, Listing, Versioned, events::Object, refusals, service, users::SERVICE};

service! {
    /// The preferences of users, owned by the `users` service.
    pub trait Preferences("users", "preferences") refuses PreferenceRefusal {
        /// Get all the user's preferences
        ///
        /// Answers them in the order in which they were created.
        read fn list(ListPreferences) -> Listing<Preference>, refuses UserNotFound;

        /// Get a user's preference
        ///
        /// Answers the value with the type that it was sent with.
        read fn get(GetPreference) -> Versioned<PreferenceValue>, refuses UserNotFound | NotSet;

        /// Create user preference
        ///
        /// Sets a preference that the user does not have yet.
        write fn create(CreatePreference) -> (), refuses UserNotFound | AlreadySet | BadValue;

        /// Update user preference
        ///
        /// Replaces the value of a preference that the user has.
        write fn update(UpdatePreference) -> (), refuses UserNotFound | NotSet | BadValue;

        /// Delete a specific user preference
        ///
        /// The user does not have the preference any more.
        write fn delete(DeletePreference) -> (), refuses UserNotFound | NotSet;
    }
}

refusals! {
    /// What the preferences' rules say no with.
    pub enum PreferenceRefusal {
        UserNotFound { id: i32 } => NotFound, "UserNotFound", "User {id} not found";
        NotSet { user_id: i32, key: String } => NotFound, "PreferenceNotFound", "Preference {key} is not set for user {user_id}";
        AlreadySet { user_id: i32, key: String } => Conflict, "Duplicate", "Preference {key} is already set for user {user_id}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A preference in the list of a user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preference {
    pub key: String,
    #[serde(flatten)]
    pub value: PreferenceValue,
}

/// A preference's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreferenceValue {
    /// At most 4,096 characters. A number or a boolean is taken as its text. `preferred_device` is `phone` or `webrtc`.
    #[serde(deserialize_with = "text")]
    #[schema(max_length = 4096)]
    pub value: String,
    /// What the client calls the type of the value, kept as it was sent: 1 to 32 characters.
    #[schema(min_length = 1, max_length = 32)]
    pub value_type: String,
}

/// Reads a text, or a number or a boolean as its text.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string, a number or a boolean")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_bool<E: de::Error>(self, truth: bool) -> Result<String, E> {
            Ok(truth.to_string())
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    deserializer.deserialize_any(Text)
}

/// A preference as events and history show it: with its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreferenceState {
    #[serde(rename = "userId")]
    pub user_id: i32,
    #[serde(flatten)]
    pub preference: Preference,
}

impl Object for PreferenceState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "preference";
}

/// Asks for all preferences of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPreferences {
    pub user_id: i32,
}

/// Asks for a preference of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetPreference {
    pub user_id: i32,
    pub key: String,
}

/// Sets a preference of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatePreference {
    pub user_id: i32,
    pub key: String,
    pub value: PreferenceValue,
}

/// Replaces a preference of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdatePreference {
    pub user_id: i32,
    pub key: String,
    pub value: PreferenceValue,
}

/// Takes a preference of a user away.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeletePreference {
    pub user_id: i32,
    pub key: String,
}

impl Example for PreferenceValue {
    fn example() -> Self {
        Self { value: "phone".to_owned(), value_type: "String".to_owned() }
    }
}

impl Example for Preference {
    fn example() -> Self {
        Self { key: "preferred_device".to_owned(), value: PreferenceValue::example() }
    }
}

impl Example for PreferenceState {
    fn example() -> Self {
        Self { user_id: 3, preference: Preference::example() }
    }
}

//! Users as they are managed, owned by the `users` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Created, Example, Versioned,
    events::Object,
    merge::{self, Member},
    password::Password,
    refusals, service,
};

/// The service's name on the bus.
pub const SERVICE: &str = "users";

service! {
    /// Users as they are managed: who they are, without what belongs to them.
    pub trait Users("users", "users") refuses UserRefusal {
        /// Get a user
        ///
        /// Answers the user with this id.
        read fn get(GetUser) -> Versioned<User>, refuses NotFound;

        /// Create a user
        ///
        /// Login and email must not be taken; the entity and the labels must exist.
        write fn create(CreateUser) -> Created<User>,
            refuses Duplicate | UnknownEntity | UnknownLabel | BadValue | Busy,
            hides password;

        /// Replace a user
        ///
        /// What is left out is removed, except the password, which stays as it is.
        write fn replace(ReplaceUser) -> Versioned<User>,
            refuses NotFound | Duplicate | UnknownEntity | UnknownLabel | BadValue | Busy,
            hides password;

        /// Change a user
        ///
        /// Takes a JSON merge patch (RFC 7396): what is left out stays as it is, `null` removes, also the password.
        write fn patch(PatchUser) -> Versioned<User>,
            refuses NotFound | Duplicate | UnknownEntity | UnknownLabel | BadValue | Busy,
            hides password;

        /// Delete a user
        ///
        /// The user's line, services, rights and preferences are deleted, too.
        write fn delete(DeleteUser) -> (), refuses NotFound;
    }
}

refusals! {
    /// What the users' rules say no with.
    pub enum UserRefusal {
        NotFound { id: i32 } => NotFound, "UserNotFound", "User {id} not found";
        Duplicate { constraint: String } => Conflict, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        UnknownEntity { name: String } => Invalid, "BadRequest", "entity: there is no entity '{name}'";
        UnknownLabel { reason: String } => Invalid, "BadRequest", "labels: {reason}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        Busy {} => TooManyRequests, "TooManyRequests", "too many passwords are hashed at once; try again later";
    }
}

/// A user, as requests answer it and as events and history show it: without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: i32,
    pub firstname: String,
    /// May be empty.
    pub lastname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_phone_number: Option<String>,
    /// The name of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Names of labels.
    pub labels: Vec<String>,
}

impl Object for User {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "user";
}

/// What a user is made of, beside its id. An optional text that is empty counts as left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserFields {
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub firstname: String,
    /// At most 128 characters.
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    #[schema(max_length = 128)]
    pub lastname: String,
    /// What the user logs in with; unique. At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub login: Option<String>,
    /// Kept as a hash only, and never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// Unique. At most 254 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 254)]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub mobile_phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub external_phone_number: Option<String>,
    /// The name of an entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Names of labels. They are kept in this order, each once.
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    #[schema(max_items = 100)]
    pub labels: Vec<String>,
}

/// What is to become of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserPatch {
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = String, min_length = 1, max_length = 128)]
    pub firstname: Member<String>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub lastname: Member<String>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub login: Member<Option<String>>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<Password>)]
    pub password: Member<Password>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>, max_length = 254)]
    pub email: Member<Option<String>>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub mobile_phone_number: Member<Option<String>>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub external_phone_number: Member<Option<String>>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<String>)]
    pub entity: Member<Option<String>>,
    /// Replaces all of them.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    pub labels: Member<Vec<String>>,
}

/// Asks for one user.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetUser {
    pub id: i32,
}

/// Creates a user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CreateUser(pub UserFields);

/// Replaces a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplaceUser {
    pub id: i32,
    pub fields: UserFields,
}

/// Changes parts of a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct PatchUser {
    pub id: i32,
    pub patch: UserPatch,
}

/// Deletes a user.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteUser {
    pub id: i32,
}

impl Example for UserFields {
    fn example() -> Self {
        Self {
            firstname: "Jocelyn".to_owned(),
            lastname: "Urbain".to_owned(),
            login: Some("jurbain".to_owned()),
            password: Some(Password::example()),
            email: Some("j.urbain@xivo.solutions".to_owned()),
            mobile_phone_number: Some("0612345678".to_owned()),
            external_phone_number: Some("0230210092".to_owned()),
            entity: None,
            labels: Vec::new(),
        }
    }
}

impl Example for UserPatch {
    fn example() -> Self {
        Self { lastname: Member::Value("Durand".to_owned()), mobile_phone_number: Member::Null, ..Self::default() }
    }
}

impl Example for User {
    fn example() -> Self {
        Self {
            id: 1,
            firstname: "Jocelyn".to_owned(),
            lastname: "Urbain".to_owned(),
            login: Some("jurbain".to_owned()),
            email: Some("j.urbain@xivo.solutions".to_owned()),
            mobile_phone_number: Some("0612345678".to_owned()),
            external_phone_number: Some("0230210092".to_owned()),
            entity: Some("Test".to_owned()),
            labels: vec!["blue".to_owned(), "red".to_owned()],
        }
    }
}

impl Example for CreateUser {
    fn example() -> Self {
        Self(UserFields::example())
    }
}

//! The profiles of users, with the rights that they give.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Example, Listing, Versioned, blank, dates::Day, events::Object, merge, named::named, numbers, refusals, service,
    users::SERVICE,
};

service! {
    /// The profiles of users, owned by the `users` service.
    pub trait Rights("users", "rights") refuses RightRefusal {
        /// Get all users' profiles
        ///
        /// Answers every user who has a login and a profile, ordered by id.
        read fn list(ListProfiles) -> Listing<UserProfile>;

        /// Get a user's profile and rights
        ///
        /// Answers the profile of the user with this login, with all that it knows.
        read fn get(GetRight) -> Versioned<Right>, refuses UserNotFound | NoProfile;

        /// Update a user's profile or rights
        ///
        /// Gives the user this profile and no other; what is left out of `data` gets its default, and what the profile does not know
        /// is ignored.
        write fn set(SetRight) -> Versioned<Right>, refuses UserNotFound | BadValue;

        /// Delete a user's profile
        ///
        /// Its rights go with it.
        write fn delete(DeleteRight) -> (), refuses UserNotFound | NoProfile;
    }
}

refusals! {
    /// What the rights' rules say no with.
    pub enum RightRefusal {
        UserNotFound { login: String } => NotFound, "NotFoundError", "User {login} not found";
        NoProfile { login: String } => NotFound, "NotFoundError", "User {login} has no profile";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

named! {
    /// What a user may be.
    pub enum Profile {
        Admin = "admin",
        Supervisor = "supervisor",
        Teacher = "teacher",
    }
}

/// A profile with its rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Right {
    #[serde(rename = "type")]
    pub profile: Profile,
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    pub data: RightData,
}

/// What a profile allows. An admin's has nothing; the answer shows all that the profile knows, and nothing that it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightData {
    /// The queues that a supervisor or a teacher has access to. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole_ids")]
    #[schema(max_items = 1000)]
    pub queue_ids: Option<Vec<i32>>,
    /// The groups of agents that a supervisor or a teacher has access to. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole_ids")]
    #[schema(max_items = 1000)]
    pub group_ids: Option<Vec<i32>>,
    /// The incalls that a supervisor or a teacher has access to. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole_ids")]
    #[schema(max_items = 1000)]
    pub incall_ids: Option<Vec<i32>>,
    /// Whether a supervisor can access recordings. Left out: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_access: Option<bool>,
    /// Whether a supervisor can update dissuasion destinations. Left out: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dissuasion_access: Option<bool>,
    /// The first day of a teacher's rights. Left out: they begin at once.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub start: Option<Day>,
    /// The last day of a teacher's rights. Left out: they do not end.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub end: Option<Day>,
}

/// A right as events and history show it: with its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RightState {
    pub user_id: i32,
    #[serde(flatten)]
    pub right: Right,
}

impl Object for RightState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "rights";
}

/// A user who has a login and a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserProfile {
    /// The last name.
    pub name: String,
    pub firstname: String,
    pub login: String,
    pub profile: Profile,
}

/// Asks for all who have a profile.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListProfiles {}

/// Asks for a user's right.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetRight {
    pub login: String,
}

/// Gives a user a right.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetRight {
    pub login: String,
    pub right: Right,
}

/// Takes a user's right away.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteRight {
    pub login: String,
}

impl Example for UserProfile {
    fn example() -> Self {
        Self {
            name: "Ménage".to_owned(),
            firstname: "Jean".to_owned(),
            login: "jmenage".to_owned(),
            profile: Profile::Teacher,
        }
    }
}

impl Example for Right {
    fn example() -> Self {
        Self {
            profile: Profile::Supervisor,
            data: RightData {
                queue_ids: Some(vec![3, 2, 1, 7]),
                group_ids: Some(vec![3, 1, 2]),
                incall_ids: Some(Vec::new()),
                recording_access: Some(true),
                dissuasion_access: Some(false),
                start: None,
                end: None,
            },
        }
    }
}

impl Example for RightState {
    fn example() -> Self {
        Self { user_id: 7, right: Right::example() }
    }
}

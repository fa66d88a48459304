//! The services of users: do not disturb, and where their calls are forwarded to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, Versioned, events::Object, refusals, service, users::SERVICE};

service! {
    /// The services of users, owned by the `users` service.
    pub trait UserServices("users", "services") refuses ServicesRefusal {
        /// Get a user's services
        ///
        /// Of a user who never changed any of them, all are off.
        read fn get(GetServices) -> Versioned<Services>, refuses UserNotFound;

        /// Update a user's services
        ///
        /// Changes what is sent and leaves the rest as it is, also within a forward; answers what was sent. An empty
        /// `destination` removes the stored one.
        write fn update(UpdateServices) -> Versioned<ServicesUpdate>, refuses UserNotFound | NoDestination | BadValue;
    }
}

refusals! {
    /// What the services' rules say no with.
    pub enum ServicesRefusal {
        UserNotFound { id: i32 } => NotFound, "UserNotFound", "User {id} not found";
        NoDestination { forward: &'static str } => Invalid, "BadRequest", "{forward} cannot be enabled without a destination";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A user's services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// Do not disturb.
    pub dnd_enabled: bool,
    /// Where calls go while the user is on the phone.
    pub busy: Forward,
    /// Where calls go that the user does not answer.
    pub noanswer: Forward,
    /// Where all calls go.
    pub unconditional: Forward,
}

/// Where calls are forwarded to, and whether they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forward {
    pub enabled: bool,
    /// Empty where none is set. XiVO's assistants read it without asking whether it is there.
    pub destination: String,
}

/// What is to become of a user's services. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicesUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dnd_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<ForwardUpdate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noanswer: Option<ForwardUpdate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconditional: Option<ForwardUpdate>,
}

/// What is to become of a forward. What is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForwardUpdate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// 1 to 40 of the digits, `*` and `#`, maybe behind a `+`; empty to remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^(\+?[0-9*#]{1,40})?$")]
    pub destination: Option<String>,
}

/// Services as events and history show them: with their user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServicesState {
    pub user_id: i32,
    #[serde(flatten)]
    pub services: Services,
}

impl Object for ServicesState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "services";
}

/// Asks for a user's services.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetServices {
    pub user_id: i32,
}

/// Changes a user's services.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateServices {
    pub user_id: i32,
    pub services: ServicesUpdate,
}

impl Example for Services {
    fn example() -> Self {
        let off = |destination: &str| Forward { enabled: false, destination: destination.to_owned() };
        Self { dnd_enabled: true, busy: off("1002"), noanswer: off("123"), unconditional: off("1001") }
    }
}

impl Example for ServicesUpdate {
    fn example() -> Self {
        let off =
            |destination: &str| Some(ForwardUpdate { enabled: Some(false), destination: Some(destination.to_owned()) });
        Self { dnd_enabled: Some(true), busy: off("1002"), noanswer: off("123"), unconditional: off("1001") }
    }
}

impl Example for ServicesState {
    fn example() -> Self {
        Self { user_id: 1, services: Services::example() }
    }
}

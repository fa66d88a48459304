//! The lines of users: what they telephone with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, Versioned, blank, events::Object, named::named, numbers, refusals, service, users::SERVICE};

service! {
    /// The lines of users, owned by the `users` service.
    pub trait Lines("users", "lines") refuses LineRefusal {
        /// Get a user's line
        ///
        /// Answers the one line of the user.
        read fn get(GetLine) -> Versioned<Line>, refuses NotGot;

        /// Create a user's line
        ///
        /// A user has one line at most. A SIP line (`phone`, `webrtc`, `ua`) gets a name and a provisioning code that no other has.
        write fn create(CreateLine) -> Versioned<Line>,
            refuses NotCreated | CannotBeCreated | BadValue | NothingFree;

        /// Update a user's line
        ///
        /// Replaces the line: `site` and `lineNum` that are left out get their defaults, a `device` that is left out is removed.
        /// SIP types can become each other, and the line keeps its name and its provisioning code.
        write fn update(UpdateLine) -> Versioned<Line>,
            refuses NotUpdated | CannotBeUpdated | BadValue;

        /// Delete a user's line
        ///
        /// Its extension, its name and its provisioning code are free from then on.
        write fn delete(DeleteLine) -> (), refuses NotDeleted;
    }
}

refusals! {
    /// What the lines' rules say no with.
    pub enum LineRefusal {
        NotGot { user_id: i32 } => NotFound, "LineNotFound", "Unable to get line for user Id {user_id}";
        /// There is no such user, or he has a line.
        NotCreated { user_id: i32 } => NotFound, "LineNotFound", "Unable to create line for user Id {user_id}";
        /// What is stored stands in the way of such a line.
        CannotBeCreated { user_id: i32, reason: String } => NotFound, "LineNotFound", "Unable to create line for user Id {user_id}: {reason}";
        NotUpdated { user_id: i32 } => NotFound, "LineNotFound", "Unable to update line for user Id {user_id}";
        CannotBeUpdated { user_id: i32, reason: String } => NotFound, "LineNotFound", "Unable to update line for user Id {user_id}: {reason}";
        NotDeleted { user_id: i32 } => NotFound, "LineNotFound", "Unable to delete line for user Id {user_id}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        NothingFree {} => Unavailable, "ServiceUnavailable", "No provisioning code is free";
    }
}

named! {
    /// What kind of endpoint a line is.
    pub enum LineType {
        /// A physical SIP device.
        Phone = "phone",
        /// A SIP softphone in a browser.
        Webrtc = "webrtc",
        /// A unique account: `webrtc` while the user is connected to an assistant, otherwise `phone`.
        Ua = "ua",
        /// A Cisco phone without SIP.
        Sccp = "sccp",
        /// A customized endpoint, maybe no device at all.
        Custom = "custom",
    }
}

impl LineType {
    /// Whether a line of this type registers over SIP.
    pub const fn is_sip(self) -> bool {
        matches!(self, Self::Phone | Self::Webrtc | Self::Ua)
    }

    /// Whether a line of this type can become one of type `other`.
    pub fn can_become(self, other: Self) -> bool {
        self == other || (self.is_sip() && other.is_sip())
    }
}

/// A user's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub id: i32,
    pub line_type: LineType,
    pub context: String,
    /// The number that the line is called with; unique in its context.
    pub extension: String,
    /// The XiVO that the line is registered on.
    pub site: String,
    /// Of a SIP line its unique name, of an SCCP one its extension, of a custom one its interface.
    pub name: String,
    /// The slot of the line on its device.
    pub line_num: i32,
    /// The code that binds a device to the line: 6 digits from 1 to 8. SIP lines only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_id: Option<i32>,
    /// The hash that stands for a device in XiVO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A line as events and history show it: with its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineState {
    pub user_id: i32,
    #[serde(flatten)]
    pub line: Line,
}

impl Object for LineState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "line";
}

/// What a client says of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineFields {
    pub line_type: LineType,
    pub context: String,
    /// 1 to 40 of the digits, `*` and `#`; unique in its context.
    #[schema(pattern = "^[0-9*#]{1,40}$")]
    pub extension: String,
    /// The XiVO that the line is registered on. Left out: the main one, `default`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub site: Option<String>,
    /// The slot of the line on its device, which means nothing to a `webrtc` line: 0 counts as left out there. Left out: 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole")]
    #[schema(minimum = 0, maximum = 64)]
    pub line_num: Option<i64>,
    /// The hash that stands for a device in XiVO. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(pattern = "^[a-z0-9]{1,32}$")]
    pub device: Option<String>,
}

/// Asks for a user's line.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetLine {
    pub user_id: i32,
}

/// Gives a user a line.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateLine {
    pub user_id: i32,
    pub line: LineFields,
}

/// Replaces a user's line.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateLine {
    pub user_id: i32,
    pub line: LineFields,
}

/// Takes a user's line away.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteLine {
    pub user_id: i32,
}

impl Example for LineFields {
    fn example() -> Self {
        Self {
            line_type: LineType::Phone,
            context: "default".to_owned(),
            extension: "1000".to_owned(),
            site: Some("default".to_owned()),
            line_num: Some(1),
            device: None,
        }
    }
}

impl Example for Line {
    fn example() -> Self {
        Self {
            id: 40,
            line_type: LineType::Phone,
            context: "default".to_owned(),
            extension: "1000".to_owned(),
            site: "default".to_owned(),
            name: "nrzpjngu".to_owned(),
            line_num: 1,
            provisioning_id: Some(661_887),
            device: None,
        }
    }
}

impl Example for LineState {
    fn example() -> Self {
        Self { user_id: 1, line: Line::example() }
    }
}

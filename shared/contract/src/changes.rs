//! The history of changes: each service has its own, with the same operations.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Example,
    events::{Action, EventBody, Object},
    filter::Page,
    meetingrooms::RoomState,
    refusals, service,
};

service! {
    /// What was changed, when and by whom. Every service answers for its own objects.
    pub trait History("*", "changes") refuses ChangeRefusal {
        /// Get the history of changes
        ///
        /// Answers the committed changes that pass every filter given, over all services, the newest first.
        read fn list(ListChanges) -> Page<Change>, refuses BadQuery;

        /// Get a change
        ///
        /// Answers the change with this event id.
        read fn get(GetChange) -> Change, refuses NotFound;

        /// Revert a change
        ///
        /// Puts the object back to its state before this change, its secrets included, and answers that as the change it is.
        /// It is refused when the object was changed since.
        write fn revert(RevertChange) -> Change, refuses NotFound | Superseded | InTheWay;
    }
}

refusals! {
    /// What the history says no with.
    pub enum ChangeRefusal {
        NotFound { event_id: Uuid } => NotFound, "ChangeNotFound", "Change {event_id} not found";
        Superseded { newer: Uuid, version: i64 } => Conflict, "Superseded", "the object was changed since: change {newer} made version {version} of it";
        InTheWay { reason: String } => Conflict, "Conflict", "the former state contradicts what is stored: {reason}";
        BadQuery { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A committed change of one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The id of its event, too.
    #[schema(value_type = String, format = "uuid")]
    pub event_id: Uuid,
    pub object_type: String,
    pub object_id: String,
    /// The version of the object that the change made: 1, 2, 3 without a gap.
    pub version: i64,
    pub action: Action,
    /// The name of the token that was shown.
    pub actor: String,
    /// RFC 3339, in UTC.
    #[schema(format = "date-time")]
    pub occurred_at: String,
    /// A secret field stands here by its name only.
    pub changed_fields: Vec<String>,
    /// The object before the change, without its secrets; left out where it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The object after the change, without its secrets; left out where it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
}

impl Change {
    /// Its body as an event.
    pub fn body(&self) -> EventBody {
        EventBody {
            before: self.before.clone(),
            after: self.after.clone(),
            changed_fields: self.changed_fields.clone(),
        }
    }
}

/// Asks for the changes that pass every filter given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListChanges {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// RFC 3339: changes from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// RFC 3339: changes before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    pub offset: i64,
    pub limit: i64,
}

/// Asks for one change.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetChange {
    pub event_id: Uuid,
}

/// Takes a change back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RevertChange {
    pub event_id: Uuid,
}

impl Example for Change {
    fn example() -> Self {
        let after = RoomState::example();
        let before = RoomState { display_name: "Conf Room".to_owned(), ..after.clone() };
        Self {
            event_id: Uuid::from_u128(0x019a_b5c2_1f3e_7c4a_9d21_5b8e_0f6a_7c11),
            object_type: RoomState::NAME.to_owned(),
            object_id: after.id.to_string(),
            version: 2,
            action: Action::Updated,
            actor: "PLAY_AUTH_TOKEN".to_owned(),
            occurred_at: "2026-11-24T09:30:00.123456Z".to_owned(),
            changed_fields: vec!["displayName".to_owned()],
            before: serde_json::to_value(before).ok(),
            after: serde_json::to_value(after).ok(),
        }
    }
}

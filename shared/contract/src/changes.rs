//! The history of changes: each service has its own, with the same operations.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{events::Change, filter::Page, refusals, service};

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

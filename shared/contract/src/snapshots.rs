//! Snapshots: all objects of a kind as they are now, for who cannot know them from the events that are kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{Example, refusals, service};

service! {
    /// All objects of a kind as they are now, one page after the other. Every service has its own.
    pub trait Snapshots("*", "snapshots") refuses SnapshotRefusal {
        /// Read a page of a snapshot
        ///
        /// Answers the next objects behind an id, in the order of their ids; none behind the last one. The pages are not of one
        /// moment: an object that changes meanwhile is answered as it was or as it is.
        read fn page(ReadSnapshot) -> SnapshotPage, refuses UnknownType;
    }
}

refusals! {
    /// What a snapshot says no with.
    pub enum SnapshotRefusal {
        UnknownType { object_type: String } => NotFound, "ObjectTypeNotFound", "there are no objects of the type {object_type}";
    }
}

/// Asks for the next objects of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadSnapshot {
    pub object_type: String,
    /// The id of the last object of the page before. Left out: from the first object on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A part of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotPage {
    pub objects: Vec<PresentObject>,
}

/// An object as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresentObject {
    /// Its id as in events.
    pub id: String,
    pub version: i64,
    /// As in events: without its secrets.
    #[schema(value_type = Object)]
    pub state: Value,
}

impl Example for SnapshotPage {
    fn example() -> Self {
        let state = json!({"id": 1, "name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050});
        Self { objects: vec![PresentObject { id: "1".to_owned(), version: 2, state }] }
    }
}

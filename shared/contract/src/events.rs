//! Events: what subscribers see of a committed change.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Body, Example, Unreadable, meetingrooms::RoomState};

/// The state of an object, as events and history show it: without its secrets.
pub trait Object: Serialize + ToSchema + Example + Send + 'static {
    /// The service that owns it.
    const SERVICE: &'static str;
    /// What it is, in subjects and in the history.
    const NAME: &'static str;
}

/// A kind of object as the documents describe it.
pub struct ObjectDoc {
    pub service: &'static str,
    pub name: &'static str,
    pub state: Body,
}

/// Every kind of object whose changes are events.
pub fn objects() -> Vec<ObjectDoc> {
    vec![object::<RoomState>()]
}

fn object<O: Object>() -> ObjectDoc {
    ObjectDoc { service: O::SERVICE, name: O::NAME, state: Body::of::<O>() }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Created,
    Updated,
    Deleted,
}

impl Action {
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(Unreadable)
    }
}

/// An event: what travels in its headers, and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub event_id: Uuid,
    pub service: String,
    pub object_type: String,
    pub object_id: String,
    /// Counts the changes of the object, from 1 and without a gap; it goes on when a deleted object is created again.
    pub version: i64,
    pub action: Action,
    pub actor: String,
    pub traceparent: Option<String>,
    /// RFC 3339, in UTC.
    pub occurred_at: String,
    pub body: EventBody,
}

/// An event's body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    /// The object before the change; left out where it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The object after the change; left out where it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The fields that changed. A secret one stands here by its name only.
    pub changed_fields: Vec<String>,
}

impl Event {
    /// `configmgt.event.<service>.<object type>.<object id>.<action>`
    pub fn subject(&self) -> String {
        let Self { service, object_type, object_id, action, .. } = self;
        format!("configmgt.event.{service}.{object_type}.{}.{action}", token(object_id))
    }

    /// The `CloudEvents` type: `configmgt.<object type>.<action>`.
    pub fn kind(&self) -> String {
        kind(&self.object_type, self.action)
    }
}

/// The `CloudEvents` type of an action on a kind of object.
pub fn kind(object_type: &str, action: Action) -> String {
    format!("configmgt.{object_type}.{action}")
}

/// The stream that holds a service's events.
pub fn stream(service: &str) -> String {
    format!("CONFIGMGT_EVENT_{}", service.to_uppercase().replace('-', "_"))
}

/// The subjects of a service's events, or of those of one kind of object, or of one object.
pub fn subjects(service: &str, object_type: Option<&str>, object_id: Option<&str>) -> String {
    let object_type = object_type.unwrap_or("*");
    match object_id {
        Some(id) => format!("configmgt.event.{service}.{object_type}.{}.*", token(id)),
        None => format!("configmgt.event.{service}.{object_type}.>"),
    }
}

/// An id as one token of a subject: what a token cannot hold is percent-encoded.
pub fn token(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'#');
    let encoded = |byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    id.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_token_whatever_it_holds() {
        assert_eq!(token("7"), "7");
        assert_eq!(token("j.doe of *>"), "j%2Edoe%20of%20%2A%3E");
        assert_eq!(token("é"), "%C3%A9");
    }

    #[test]
    fn a_stream_is_named_after_its_service() {
        assert_eq!(stream("queue-dissuasion"), "CONFIGMGT_EVENT_QUEUE_DISSUASION");
    }
}

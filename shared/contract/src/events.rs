//! Events: what subscribers see of a committed change.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Body, Example, named::named, percent};

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

impl ObjectDoc {
    pub(crate) fn of<O: Object>() -> Self {
        Self { service: O::SERVICE, name: O::NAME, state: Body::of::<O>() }
    }
}

named! {
    /// What happened to an object.
    pub enum Action {
        Created = "created",
        Updated = "updated",
        Deleted = "deleted",
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

/// An event: a change on its way to subscribers.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The service that owns the object.
    pub service: String,
    pub change: Change,
    /// The W3C trace context of the request.
    pub traceparent: Option<String>,
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
        let Self { service, change: Change { object_type, object_id, action, .. }, .. } = self;
        format!("configmgt.event.{service}.{object_type}.{}.{action}", token(object_id))
    }

    /// The `CloudEvents` type: `configmgt.<object type>.<action>`.
    pub fn kind(&self) -> String {
        kind(&self.change.object_type, self.change.action)
    }
}

/// The `CloudEvents` type of an action on a kind of object.
pub fn kind(object_type: &str, action: Action) -> String {
    format!("configmgt.{object_type}.{action}")
}

impl Example for Change {
    fn example() -> Self {
        let room = |name: &str| Some(json!({"id": 1, "name": "myConfRoom1", "displayName": name, "number": 1050}));
        Self {
            event_id: Uuid::from_u128(0x019a_b5c2_1f3e_7c4a_9d21_5b8e_0f6a_7c11),
            object_type: "meetingroom".to_owned(),
            object_id: "1".to_owned(),
            version: 2,
            action: Action::Updated,
            actor: "PLAY_AUTH_TOKEN".to_owned(),
            occurred_at: "2026-11-24T09:30:00.123456Z".to_owned(),
            changed_fields: vec!["displayName".to_owned()],
            before: room("Conf Room"),
            after: room("My Conf Room 1"),
        }
    }
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
    percent::encode(id, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'+' | b'#'))
}

/// A value as `CloudEvents` writes it into a header: what is not visible ASCII, `"` and `%` are percent-encoded.
pub fn to_header(value: &str) -> String {
    percent::encode(value, |byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%'))
}

/// Reads back what [`to_header`] wrote.
pub fn from_header(header: &str) -> Option<String> {
    percent::decode(header)
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
    fn a_header_holds_any_value_and_gives_it_back() {
        for (value, header) in [
            ("meetingroom/7", "meetingroom/7"),
            ("user/j. \"é\" 5%", "user/j.%20%22%C3%A9%22%205%25"),
            ("a\nb", "a%0Ab"),
        ] {
            assert_eq!(to_header(value), header);
            assert_eq!(from_header(header).as_deref(), Some(value));
        }
        assert_eq!([from_header("%4"), from_header("%zz"), from_header("%FF")], [None, None, None]);
    }

    #[test]
    fn a_stream_is_named_after_its_service() {
        assert_eq!(stream("queue-dissuasion"), "CONFIGMGT_EVENT_QUEUE_DISSUASION");
    }
}

//! The `AsyncAPI` document: the events that other components can follow, made from the types that the services publish.

use std::collections::BTreeMap;

use configmgt_contract::{
    events::{Action, EventBody, ObjectDoc, kind},
    objects,
};
use serde_json::{Map, Value, json};

/// The document of all events.
pub(crate) fn document() -> Value {
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    let mut schemas = BTreeMap::new();
    for object in objects() {
        schemas.extend(object.state.components.iter().map(|(name, schema)| (name.clone(), json!(schema))));
        for action in Action::ALL {
            let name = kind(object.name, action);
            channels.insert(name.clone(), channel(&object, action));
            operations.insert(name.clone(), operation(&object, action));
            messages.insert(name, message(&object, action));
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the XiVO configuration server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Each committed change is an event on NATS JetStream, in CloudEvents' binary mode: what is known of it \
                            stands in the headers, the object before and after it in the body. A service's events are in the \
                            stream CONFIGMGT_EVENT_<SERVICE>. The events of one object come in the order of its versions, \
                            without a gap; one may come twice, and is recognised by object and version.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn channel(object: &ObjectDoc, action: Action) -> Value {
    let name = kind(object.name, action);
    json!({
        "address": format!("configmgt.event.{}.{}.{{id}}.{action}", object.service, object.name),
        "title": format!("A {} was {action}", object.name),
        "parameters": {"id": {"description": "The object's id; what a subject's token cannot hold is percent-encoded."}},
        "messages": {name.clone(): {"$ref": format!("#/components/messages/{name}")}},
    })
}

fn operation(object: &ObjectDoc, action: Action) -> Value {
    let name = kind(object.name, action);
    json!({
        "action": "send",
        "title": format!("The {} service tells that a {} was {action}", object.service, object.name),
        "channel": {"$ref": format!("#/channels/{name}")},
        "messages": [{"$ref": format!("#/channels/{name}/messages/{name}")}],
    })
}

fn message(object: &ObjectDoc, action: Action) -> Value {
    json!({
        "name": kind(object.name, action),
        "title": format!("A {} was {action}", object.name),
        "contentType": "application/json",
        "headers": headers(object, action),
        "payload": payload(object, action),
        "examples": [{"payload": example(object, action)}],
    })
}

fn headers(object: &ObjectDoc, action: Action) -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "required": ["Nats-Msg-Id", "ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time", "ce-subject",
                     "ce-objectversion", "ce-actor", "content-type"],
        "properties": {
            "Nats-Msg-Id": {"type": "string", "format": "uuid", "description": "The event's id."},
            "ce-specversion": {"const": "1.0"},
            "ce-id": {"type": "string", "format": "uuid", "description": "The event's id, also that of the change in the history."},
            "ce-type": {"const": kind(object.name, action)},
            "ce-source": {"const": format!("/configmgt/{}", object.service)},
            "ce-time": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
            "ce-subject": {"type": "string", "pattern": format!("^{}/", object.name), "description": "The object: its type and its id."},
            "ce-objectversion": {
                "type": "string",
                "pattern": "^[1-9][0-9]*$",
                "description": "Counts the object's changes: 1, 2, 3 without a gap; it goes on when a deleted object is created again."
            },
            "ce-actor": text("Who made the change: the name of the token that was shown, of a setting or of a service, or the database's user."),
            "ce-traceparent": text("The W3C trace context of the request."),
            "content-type": {"const": "application/json"},
        },
    })
}

fn payload(object: &ObjectDoc, action: Action) -> Value {
    let (before, after) = sides(action);
    let mut properties = Map::new();
    let mut required = vec!["changedFields"];
    for (side, present) in [("before", before), ("after", after)] {
        if present {
            properties.insert(side.to_owned(), json!(object.state.schema));
            required.push(side);
        }
    }
    let changed_fields = json!({
        "type": "array",
        "items": {"type": "string"},
        "description": "The fields that changed. A secret one stands here by its name only.",
    });
    properties.insert("changedFields".to_owned(), changed_fields);
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

/// Whether there is an object before and after the action.
const fn sides(action: Action) -> (bool, bool) {
    (!matches!(action, Action::Created), !matches!(action, Action::Deleted))
}

fn example(object: &ObjectDoc, action: Action) -> Value {
    let (before, after) = sides(action);
    let state = &object.state.example;
    let changed_fields = state.as_object().map(|state| state.keys().cloned().collect()).unwrap_or_default();
    let body = EventBody { before: before.then(|| state.clone()), after: after.then(|| state.clone()), changed_fields };
    json!(body)
}

//! A service's events on `JetStream`: the stream that holds them, and publishing into it.

use std::{collections::HashMap, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        self, Context,
        context::PublishErrorKind,
        message::PublishMessage,
        stream::{Config, DiscardPolicy, Info, StorageType, Stream},
    },
};
use configmgt_contract::{
    BoxError,
    events::{self, Event},
};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::{ConnectError, Connection};

/// How long the server may take to answer about a stream, or to acknowledge an event.
const PATIENCE: Duration = Duration::from_secs(2);

/// Within this time a second event of the same id is not stored again.
const DUPLICATES: Duration = Duration::from_mins(2);

/// The stream's metadata that says which life of it this is.
const EPOCH: &str = "configmgt-epoch";

/// The names of an event's headers.
pub(crate) mod header {
    pub(crate) const ID: &str = "ce-id";
    pub(crate) const TYPE: &str = "ce-type";
    pub(crate) const TIME: &str = "ce-time";
    pub(crate) const SUBJECT: &str = "ce-subject";
    pub(crate) const VERSION: &str = "ce-objectversion";
    pub(crate) const ACTOR: &str = "ce-actor";
    /// The life of the stream in which the message was published: not an attribute of the event.
    pub(crate) const EPOCH: &str = "Configmgt-Epoch";
}

/// A service's stream, over a connection of its own that once lost stays lost.
pub struct EventStream {
    connection: Connection,
    context: Context,
    stream: Stream,
    service: &'static str,
    keep: Duration,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Changes when events were lost from the stream: then sequence numbers of before mean nothing any more.
    pub epoch: String,
    pub first: u64,
    pub last: u64,
    pub messages: u64,
}

impl Position {
    pub(crate) fn of(info: &Info) -> Self {
        Self {
            epoch: info.config.metadata.get(EPOCH).cloned().unwrap_or_default(),
            first: info.state.first_sequence,
            last: info.state.last_sequence,
            messages: info.state.messages,
        }
    }
}

/// How far publishing came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How many of the events are in the stream, counted from the first one.
    pub count: usize,
    /// The last of them that was stored now, with its sequence number. The others were in the stream already.
    pub stored: Option<(u64, Uuid)>,
    /// Why the next one is not, if there is one.
    pub failure: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the stream of events cannot be {what}")]
    Stream { what: &'static str, source: BoxError },
}

pub(crate) fn stream_error<E: Into<BoxError>>(what: &'static str) -> impl FnOnce(E) -> EventError {
    move |error| EventError::Stream { what, source: error.into() }
}

impl EventStream {
    /// Connects to `url`, as [`Connection::open`] does, and finds the stream of `service` or makes it. It keeps events for `keep`.
    pub async fn open(
        url: &str,
        name: &str,
        inbox: &str,
        service: &'static str,
        keep: Duration,
    ) -> Result<Self, EventError> {
        let connection = Connection::open_once(url, name, inbox).await?;
        let context =
            jetstream::ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(connection.client().clone());
        let stream = context
            .get_or_create_stream(config(service, keep, new_epoch()))
            .await
            .map_err(stream_error("found or made"))?;
        let found = &stream.cached_info().config;
        if found.max_age != keep {
            let epoch = found.metadata.get(EPOCH).cloned().unwrap_or_else(new_epoch);
            context.update_stream(config(service, keep, epoch)).await.map_err(stream_error("set up"))?;
        }
        Ok(Self { connection, context, stream, service, keep })
    }

    /// Waits until the connection is lost.
    pub async fn lost(&self) {
        self.connection.lost().await;
    }

    /// Where it stands now.
    pub async fn position(&self) -> Result<Position, EventError> {
        let info = self.stream.get_info().await.map_err(stream_error("asked about"))?;
        Ok(Position::of(&info))
    }

    /// The id of the event at `sequence`, if there is one.
    pub async fn event_at(&self, sequence: u64) -> Result<Option<Uuid>, EventError> {
        use jetstream::stream::DirectGetErrorKind::NotFound;
        match self.stream.direct_get(sequence).await {
            Ok(message) => Ok(event_id(&message.headers)),
            Err(error) if error.kind() == NotFound => Ok(None),
            Err(error) => Err(stream_error("read")(error)),
        }
    }

    /// Begins a new life of the stream, with a new epoch, which it gives. What the stream holds stays.
    pub async fn renew(&self) -> Result<String, EventError> {
        let epoch = new_epoch();
        let config = config(self.service, self.keep, epoch.clone());
        self.context.update_stream(config).await.map_err(stream_error("set up"))?;
        Ok(epoch)
    }

    /// Makes the stream anew, empty and with a new epoch, which it gives. To empty it would not do: the server would still
    /// know the ids of the events it held, and not take them again.
    pub async fn replace(&self) -> Result<String, EventError> {
        let epoch = new_epoch();
        let config = config(self.service, self.keep, epoch.clone());
        self.context.delete_stream(&config.name).await.map_err(stream_error("deleted"))?;
        self.context.create_stream(config).await.map_err(stream_error("made"))?;
        Ok(epoch)
    }

    /// Publishes in this order, in the life `epoch` of the stream and behind the message `last`, and stops at the first event that the server does not store. An
    /// event that it stored shortly before counts as published.
    ///
    /// All are sent at once. Each one names the sequence number and the event that it must follow, so when one is not stored,
    /// none of those after it is, whoever else publishes at the same time. Either of the two would not do: the number alone may
    /// fit by chance, and the event alone may have been stored by somebody else without what comes before it here.
    pub async fn publish(&self, events: &[Event], epoch: &str, last: u64) -> Published {
        let mut acknowledgements = Vec::with_capacity(events.len());
        let mut before: Option<&Event> = None;
        for (event, expected) in events.iter().zip(last..) {
            let message = message(event, epoch).expected_last_sequence(expected);
            let message = match before.replace(event) {
                Some(before) => message.expected_last_message_id(before.change.event_id.to_string()),
                None => message,
            };
            let sent = self.context.send_publish(event.subject(), message).await;
            let failed = sent.is_err();
            acknowledgements.push(async { sent?.await });
            if failed {
                break;
            }
        }
        let mut published = Published { count: 0, stored: None, failure: None };
        for (event, acknowledgement) in events.iter().zip(join_all(acknowledgements).await) {
            match acknowledgement {
                // It is in the stream already.
                Ok(acknowledgement) if acknowledgement.duplicate => published.count += 1,
                Ok(acknowledgement) => {
                    published.count += 1;
                    published.stored = Some((acknowledgement.sequence, event.change.event_id));
                }
                Err(error) => {
                    let between = [PublishErrorKind::WrongLastSequence, PublishErrorKind::WrongLastMessageId];
                    let failure = if between.contains(&error.kind()) {
                        "another message came between".to_owned()
                    } else {
                        error.to_string()
                    };
                    published.failure = Some(failure);
                    break;
                }
            }
        }
        published
    }
}

fn message(event: &Event, epoch: &str) -> PublishMessage {
    let body = serde_json::to_vec(&event.change.body()).unwrap_or_default();
    PublishMessage::build()
        .headers(headers_of(event, epoch))
        .message_id(event.change.event_id.to_string())
        .payload(body.into())
}

fn config(service: &str, keep: Duration, epoch: String) -> Config {
    Config {
        name: events::stream(service),
        description: Some(format!("Changes of what the {service} service owns")),
        subjects: vec![format!("configmgt.event.{service}.>")],
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: keep,
        duplicate_window: DUPLICATES.min(keep),
        allow_direct: true,
        deny_delete: true,
        metadata: HashMap::from([(EPOCH.to_owned(), epoch)]),
        ..Config::default()
    }
}

fn new_epoch() -> String {
    let id = Uuid::new_v4().simple().to_string();
    id[..8].to_owned()
}

/// What stands beside an event's body, as `CloudEvents` writes it in binary mode.
fn headers_of(event: &Event, epoch: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| headers.insert(name, events::to_header(value));
    set("ce-specversion", "1.0");
    set(header::ID, &event.change.event_id.to_string());
    set(header::TYPE, &event.kind());
    set("ce-source", &format!("/configmgt/{}", event.service));
    set(header::TIME, &event.change.occurred_at);
    set(header::SUBJECT, &format!("{}/{}", event.change.object_type, event.change.object_id));
    set(header::VERSION, &event.change.version.to_string());
    set(header::ACTOR, &event.change.actor);
    set("content-type", "application/json");
    set(header::EPOCH, epoch);
    if let Some(traceparent) = &event.traceparent {
        set("ce-traceparent", traceparent);
    }
    headers
}

/// The life of the stream in which a message was published.
pub(crate) fn epoch_of(headers: &HeaderMap) -> String {
    headers.get(header::EPOCH).map(|epoch| epoch.as_str().to_owned()).unwrap_or_default()
}

fn event_id(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(header::ID)?.as_str().parse().ok()
}

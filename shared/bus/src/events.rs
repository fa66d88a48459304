//! A service's events on `JetStream`: the stream that holds them, and publishing into it.

use std::{collections::HashMap, time::Duration};

use async_nats::{
    HeaderMap,
    header::NATS_EXPECTED_LAST_SEQUENCE,
    jetstream::{
        self, Context,
        context::{PublishError, PublishErrorKind},
        message::PublishMessage,
        publish::PublishAck,
        stream::{Config, DiscardPolicy, Info, StorageType, Stream},
    },
};
use bytes::Bytes;
use configmgt_contract::{
    BoxError,
    events::{self, Event},
};
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
    /// The messages of one batch have the same.
    pub(crate) const BATCH_ID: &str = "Nats-Batch-Id";
    /// Counts the messages of a batch from 1.
    pub(crate) const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
    /// On the last message of a batch.
    pub(crate) const BATCH_COMMIT: &str = "Nats-Batch-Commit";
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

/// Why events are not in the stream.
#[derive(Debug, thiserror::Error)]
#[error("the server does not take events")]
pub struct NotStored(#[from] PublishError);

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
        if found.max_age != keep || !found.allow_atomic_publish {
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

    /// Publishes in this order, in the life `epoch` of the stream and behind the message `last`: all of them or none. Answers the
    /// sequence number of the last one; none where that, published alone, had been stored shortly before.
    ///
    /// The server stores what is sent together as a whole, if the stream ends with the message `last`. So an event stands behind
    /// all those that come before it here, whoever else publishes at the same time; and the server writes them to disk at once.
    pub async fn publish(&self, events: &[Event], epoch: &str, last: u64) -> Result<Option<u64>, NotStored> {
        let acknowledgement = match events.split_last() {
            None => return Ok(None),
            Some((event, [])) => self.publish_one(event, epoch, last).await?,
            Some((event, before)) => self.publish_together(before, event, epoch, last).await?,
        };
        Ok((!acknowledgement.duplicate).then_some(acknowledgement.sequence))
    }

    async fn publish_one(&self, event: &Event, epoch: &str, last: u64) -> Result<PublishAck, PublishError> {
        let message = PublishMessage::build()
            .headers(headers_of(event, epoch))
            .expected_last_sequence(last)
            .payload(body_of(event));
        self.context.send_publish(event.subject(), message).await?.await
    }

    /// An atomic batch: its messages are kept by the server until the last one commits them.
    async fn publish_together(
        &self,
        before: &[Event],
        event: &Event,
        epoch: &str,
        last: u64,
    ) -> Result<PublishAck, PublishError> {
        let id = Uuid::new_v4().simple().to_string();
        let headers_of = |event: &Event, place: usize| {
            let mut headers = headers_of(event, epoch);
            headers.insert(header::BATCH_ID, id.as_str());
            headers.insert(header::BATCH_SEQUENCE, place.to_string());
            headers
        };
        for (place, event) in (1..).zip(before) {
            let mut headers = headers_of(event, place);
            if place == 1 {
                headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
            }
            let sent = self.connection.client().publish_with_headers(event.subject(), headers, body_of(event)).await;
            sent.map_err(|error| PublishError::with_source(PublishErrorKind::Other, error))?;
        }
        let mut headers = headers_of(event, before.len() + 1);
        headers.insert(header::BATCH_COMMIT, "1");
        let message = PublishMessage::build().headers(headers).payload(body_of(event));
        self.context.send_publish(event.subject(), message).await?.await
    }
}

fn body_of(event: &Event) -> Bytes {
    serde_json::to_vec(&event.change.body()).unwrap_or_default().into()
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
        allow_atomic_publish: true,
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
    set("Nats-Msg-Id", &event.change.event_id.to_string());
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

//! Following another service's events with a durable consumer.

use std::time::Duration;

use async_nats::jetstream::{
    self, AckKind,
    consumer::{
        AckPolicy, DeliverPolicy, PullConsumer,
        pull::{self, Stream},
    },
};
use configmgt_contract::events;
use futures_util::StreamExt;

use crate::{
    Connection,
    events::{EventError, stream_error},
    feed::{Stored, stored},
};

/// An event whose effect is not stored within this time is sent again.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(10);

/// With nothing from the server for twice as long, the consumer is gone.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// A durable place in the stream of a service's events.
///
/// One event is under way at a time, whoever takes it: so events keep their order when one of them has to be sent again, and
/// when several instances share the place.
pub struct Consumer {
    connection: Connection,
    messages: Stream,
}

/// An event that was sent to us, until it is acknowledged.
pub struct Delivered {
    message: jetstream::Message,
}

impl Consumer {
    /// Connects to `url`, as [`Connection::open`] does, and finds the consumer `name` of the events that `service` publishes of
    /// objects of one type, or makes it: a new one begins with the oldest event that is kept.
    pub async fn open(
        url: &str,
        inbox: &str,
        name: &str,
        service: &str,
        object_type: &str,
    ) -> Result<Self, EventError> {
        let connection = Connection::open_once(url, name, inbox).await?;
        let context = jetstream::new(connection.client().clone());
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACKNOWLEDGE_WITHIN,
            deliver_policy: DeliverPolicy::All,
            filter_subject: events::subjects(service, Some(object_type), None),
            max_ack_pending: 1,
            ..pull::Config::default()
        };
        let consumer: PullConsumer = context
            .create_consumer_on_stream(config, events::stream(service))
            .await
            .map_err(stream_error("followed"))?;
        let messages = consumer.stream().heartbeat(HEARTBEAT).messages().await.map_err(stream_error("followed"))?;
        Ok(Self { connection, messages })
    }

    /// Waits for the next event. After an error the consumer has to be opened again.
    pub async fn next(&mut self) -> Result<Delivered, EventError> {
        let message = tokio::select! {
            message = self.messages.next() => message,
            () = self.connection.lost() => None,
        };
        match message {
            Some(Ok(message)) => Ok(Delivered { message }),
            Some(Err(error)) => Err(stream_error("read")(error)),
            None => Err(stream_error("read")("the connection is lost")),
        }
    }
}

impl Delivered {
    /// What it tells; nothing where it cannot be read.
    pub fn stored(&self) -> Option<Stored> {
        let sequence = self.message.info().ok()?.stream_sequence;
        stored(self.message.headers.as_ref()?, &self.message.payload, sequence)
    }

    /// Says that its effect is stored, so that it need not come again.
    pub async fn acknowledge(&self) -> Result<(), EventError> {
        self.answer(AckKind::Ack).await
    }

    /// Asks for it again after a while.
    pub async fn postpone(&self, pause: Duration) -> Result<(), EventError> {
        self.answer(AckKind::Nak(Some(pause))).await
    }

    async fn answer(&self, answer: AckKind) -> Result<(), EventError> {
        self.message.ack_with(answer).await.map_err(stream_error("acknowledged"))
    }
}

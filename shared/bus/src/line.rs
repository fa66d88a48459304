//! One connection of a caller, from its begin to its loss.

use std::{pin::pin, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Message, Subscriber, client::PublishErrorKind};
use bytes::Bytes;
use configmgt_contract::{BoxError, Fault, Status};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::{
    Connection, headers,
    reply::{Reply, bus_down},
    waiting::Waiting,
};

/// Handing a message to the connection's own queue takes no longer than this, or the connection is stuck.
const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// A connection with those who wait for replies over it.
///
/// All replies come in on one subscription of its own, so that a request that is never answered leaves nothing behind.
pub(crate) struct Line {
    connection: Connection,
    /// Replies come on `<inbox>.<token>`.
    inbox: String,
    waiting: Waiting,
}

impl Line {
    /// A new connection, and what comes in on it for [`Line::hand_out`].
    pub(crate) async fn open(url: &str, name: &str, inbox: &str) -> Result<(Arc<Self>, Subscriber), BoxError> {
        let connection = Connection::open_once(url, name, inbox).await?;
        let inbox = connection.client().new_inbox();
        let replies = connection.client().subscribe(format!("{inbox}.*")).await?;
        Ok((Arc::new(Self { connection, inbox, waiting: Waiting::default() }), replies))
    }

    pub(crate) fn is_up(&self) -> bool {
        self.connection.is_up()
    }

    /// Sends at once or not at all.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        subject: String,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, Fault> {
        let (token, receiver) = self.waiting.open();
        let reply = Reply::new(token, receiver, Arc::clone(self));
        let inbox = format!("{}.{token}", self.inbox);
        let client = self.connection.client();
        let mut publishing = pin!(client.publish_with_reply_and_headers(subject, inbox, headers, body));
        // There nearly always is room in the connection's queue: then no timer is needed.
        let published = match publishing.as_mut().now_or_never() {
            Some(published) => Ok(published),
            None => timeout(SEND_PATIENCE, publishing).await,
        };
        match published {
            Ok(Ok(())) => Ok(reply),
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(Fault::new(Status::TooLarge, "the request is larger than a message may be"))
            }
            Ok(Err(_)) | Err(_) => Err(bus_down()),
        }
    }

    /// What is published on `subjects` from now on, until the connection is lost.
    pub(crate) async fn subscribe(&self, subjects: String) -> Result<Subscriber, Fault> {
        self.connection.client().subscribe(subjects).await.map_err(|_| bus_down())
    }

    /// Tells an instance that nobody is left at `subject`.
    pub(crate) fn give_up(&self, subject: String) {
        // Without room in the queue the service finds out by itself.
        let _ = self.connection.client().publish(subject, Bytes::new()).now_or_never();
    }

    /// Hands replies out until the connection is lost. A reply to what was asked over it will not come then: whoever waits is
    /// told at once.
    pub(crate) async fn hand_out(&self, mut replies: Subscriber) {
        let mut losses = self.connection.losses();
        loop {
            tokio::select! {
                biased;
                _ = losses.changed() => break,
                reply = replies.next() => match reply {
                    Some(reply) => {
                        if let Some(unwanted) = self.waiting.hand_over(reply) {
                            self.decline(&unwanted);
                        }
                    }
                    None => break,
                },
            }
        }
        self.waiting.end();
    }

    /// Tells whoever sent a reply that nobody wants that nobody will ask for the rest of it, either.
    pub(crate) fn decline(&self, reply: &Message) {
        if let Some(next) = headers::next_piece(reply.headers.as_ref()) {
            self.give_up(next);
        }
    }

    /// Nobody waits for the reply with this token any more.
    pub(crate) fn close(&self, token: u64) {
        self.waiting.close(token);
    }
}

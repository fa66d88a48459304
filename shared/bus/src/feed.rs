//! Reading a service's stream of events message by message, without leaving anything on the server: whoever reads keeps its own
//! place.

use std::time::Duration;

use async_nats::{
    HeaderMap, HeaderValue, StatusCode,
    jetstream::{response::Response, stream::Info},
};
use bytes::Bytes;
use configmgt_contract::{
    Fault, Status,
    events::{self, Change, EventBody},
};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    Caller,
    events::{Position, epoch_of, header},
    reply::{NoReply, bus_down},
};

/// How long the server may take to give a message.
const PATIENCE: Duration = Duration::from_secs(2);

/// A way to the streams of events.
pub trait Events: Send + Sync + 'static {
    /// Where the stream of `service` stands, if there is one.
    fn position<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Option<Position>, Fault>>;

    /// The first message behind `after` on these subjects, if there is one.
    fn next<'a>(
        &'a self,
        service: &'a str,
        subjects: &'a str,
        after: u64,
    ) -> BoxFuture<'a, Result<Option<Stored>, Fault>>;

    /// Something whenever messages were published on these subjects, a moment before or after they can be read. It ends with the
    /// connection.
    fn published<'a>(&'a self, subjects: &'a str) -> BoxFuture<'a, Result<BoxStream<'static, ()>, Fault>>;
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub sequence: u64,
    /// The life of the stream in which it was published.
    pub epoch: String,
    pub change: Change,
}

impl Events for Caller {
    fn position<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Result<Option<Position>, Fault>> {
        async move {
            let subject = format!("$JS.API.STREAM.INFO.{}", events::stream(service));
            let mut reply = self.question(subject, Bytes::new()).await?;
            let message = reply.wait(PATIENCE).await.map_err(unanswered)?;
            match serde_json::from_slice(&message.payload).map_err(|_| unreadable())? {
                Response::Ok::<Info>(info) => Ok(Some(Position::of(&info))),
                Response::Err { .. } => Ok(None),
            }
        }
        .boxed()
    }

    fn next<'a>(
        &'a self,
        service: &'a str,
        subjects: &'a str,
        after: u64,
    ) -> BoxFuture<'a, Result<Option<Stored>, Fault>> {
        async move {
            let subject = format!("$JS.API.DIRECT.GET.{}", events::stream(service));
            let question = json!({"seq": after + 1, "next_by_subj": subjects});
            let mut reply = self.question(subject, question.to_string().into()).await?;
            let message = match reply.wait(PATIENCE).await {
                // There is no such stream.
                Err(NoReply::Nobody) => return Ok(None),
                reply => reply.map_err(unanswered)?,
            };
            match message.status {
                None => {}
                // There is no such message.
                Some(StatusCode::NOT_FOUND) => return Ok(None),
                Some(_) => return Err(unreadable()),
            }
            let headers = message.headers.as_ref().ok_or_else(unreadable)?;
            let sequence = headers.get("Nats-Sequence").and_then(|sequence| sequence.as_str().parse().ok());
            let sequence = sequence.ok_or_else(unreadable)?;
            stored(headers, &message.payload, sequence).map(Some).ok_or_else(unreadable)
        }
        .boxed()
    }

    fn published<'a>(&'a self, subjects: &'a str) -> BoxFuture<'a, Result<BoxStream<'static, ()>, Fault>> {
        async move {
            let mut messages = self.subscribe(subjects.to_owned()).await?;
            // Taken as they come, so that a reader who does not look leaves nothing waiting.
            let (announce, announced) = watch::channel(());
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        message = messages.next() => match message {
                            Some(_) => announce.send_replace(()),
                            None => return,
                        },
                        () = announce.closed() => return,
                    }
                }
            });
            let announcements = stream::unfold(announced, |mut announced| async move {
                announced.changed().await.ok().map(|()| ((), announced))
            });
            Ok(announcements.boxed())
        }
        .boxed()
    }
}

/// A message of a stream as what it tells.
pub(crate) fn stored(headers: &HeaderMap, body: &[u8], sequence: u64) -> Option<Stored> {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_str);
    let EventBody { before, after, changed_fields } = serde_json::from_slice(body).ok()?;
    let subject = events::from_header(text(header::SUBJECT)?)?;
    let (object_type, object_id) = subject.split_once('/')?;
    let change = Change {
        event_id: text(header::ID)?.parse().ok()?,
        object_type: object_type.to_owned(),
        object_id: object_id.to_owned(),
        version: text(header::VERSION)?.parse().ok()?,
        action: text(header::TYPE)?.rsplit('.').next()?.parse().ok()?,
        actor: events::from_header(text(header::ACTOR)?)?,
        occurred_at: text(header::TIME)?.to_owned(),
        changed_fields,
        before,
        after,
    };
    Some(Stored { sequence, epoch: epoch_of(headers), change })
}

fn unanswered(none: NoReply) -> Fault {
    match none {
        NoReply::Nobody => unreadable(),
        NoReply::BusDown => bus_down(),
        NoReply::Late => Fault::new(Status::TimedOut, "the message bus did not answer in time"),
    }
}

fn unreadable() -> Fault {
    Fault::new(Status::Broken, "the stream of events cannot be read")
}

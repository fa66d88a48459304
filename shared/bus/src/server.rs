use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::{HeaderMap, Message, Subject, SubscribeError, Subscriber};
use bytes::Bytes;
use configmgt_contract::{Fault, Kind, Status, Whole};
use futures_util::{FutureExt, StreamExt, stream};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tracing::{Instrument, debug_span, info, warn};

use crate::{
    Connection, Handlers,
    freshness::{Freshness, NOTABLE},
    handlers::{Handler, unfinished},
    headers::{self, Received},
    micro::{self, Identity, QUEUE_GROUP, Statistics, Verb},
    pieces::{OpenReplies, Piece},
    trace,
    transport::remaining,
    uploads::{Reaction, Uploads, is_upload},
};

/// How much an instance takes on at once. What comes beyond is refused at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests being handled, those that wait for a database connection included.
    pub requests: u32,
    /// Streamed replies that are still being read.
    pub streams: u32,
    /// Imports.
    pub imports: u32,
    /// How long a piece of a streamed reply waits to be asked for.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 256, streams: 64, imports: 4, idle: Duration::from_secs(30) }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on the bus")]
    Subscribe(#[from] SubscribeError),
    #[error("the server did not confirm the subscriptions")]
    Unconfirmed,
}

/// A service on the bus. Any number of instances share its work through a queue group.
pub struct Server {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    readers: JoinSet<()>,
    /// Discovery, and the pieces of streamed replies and of imports.
    helpers: JoinSet<()>,
    discovery: Vec<tokio::task::AbortHandle>,
}

struct Shared {
    connection: Connection,
    service: &'static str,
    identity: Identity,
    limits: Limits,
    permits: Arc<Semaphore>,
    freshness: Freshness,
    open_replies: Arc<OpenReplies>,
    uploads: Arc<Uploads>,
    endpoints: Vec<Endpoint>,
    started: String,
}

struct Endpoint {
    handler: Handler,
    statistics: Statistics,
}

/// With nothing coming for this long after the server was told to send no more, nothing is on its way any more.
const SILENCE: Duration = Duration::from_millis(60);

/// More messages than can be on their way to one subscription.
const ON_THE_WAY: u64 = 512;

/// The same where one round trip has shown that little comes: a busy endpoint ends after a few hundred more requests, a
/// quiet one by silence, and one between the two after this many.
const LEAST_ON_THE_WAY: u64 = 64;

const ROUND_TRIP_PATIENCE: Duration = Duration::from_secs(2);

/// A stop waits no longer than this for each of: the last requests, the handlers, the streamed replies, the imports.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

impl Server {
    /// Listens for every operation of `handlers`. When it returns, the server knows of all the subscriptions.
    pub async fn start(
        connection: &Connection,
        handlers: &Handlers,
        identity: Identity,
        limits: Limits,
    ) -> Result<Self, ServeError> {
        let service = handlers.service();
        let endpoints: Vec<_> = handlers
            .all()
            .map(|handler| Endpoint { handler: handler.clone(), statistics: Statistics::of(handler.operation) })
            .collect();
        let pieces_subject = format!("configmgt.pieces.{service}.{}", identity.id);
        let shared = Arc::new(Shared {
            connection: connection.clone(),
            service,
            limits,
            permits: Arc::new(Semaphore::new(limits.requests as usize)),
            freshness: Freshness::new(),
            open_replies: OpenReplies::new(pieces_subject.clone(), limits.streams, limits.idle),
            uploads: Uploads::new(pieces_subject.clone(), limits.imports),
            endpoints,
            started: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            identity,
        });
        let client = connection.client();
        let (stop, stopping) = watch::channel(false);
        let mut readers = JoinSet::new();
        for (index, endpoint) in shared.endpoints.iter().enumerate() {
            let subject = endpoint.handler.operation.subject();
            let requests = client.queue_subscribe(subject, QUEUE_GROUP.to_owned()).await?;
            readers.spawn(Arc::clone(&shared).read(index, requests, stopping.clone()));
        }
        let mut helpers = JoinSet::new();
        let pulls = client.subscribe(format!("{pieces_subject}.*")).await?;
        helpers.spawn(Arc::clone(&shared).serve_pieces(pulls));
        let mut discovery = Vec::new();
        for verb in Verb::ALL {
            for subject in verb.subjects(service, &shared.identity.id) {
                let questions = client.subscribe(subject).await?;
                discovery.push(helpers.spawn(Arc::clone(&shared).discover(verb, questions)));
            }
        }
        // Whoever is told that we listen may ask at once: by then the server must know each subscription.
        connection.round_trip(Duration::from_secs(5)).await.map_err(|_| ServeError::Unconfirmed)?;
        info!(service, id = shared.identity.id, endpoints = shared.endpoints.len(), "listening on the bus");
        Ok(Self { shared, stop, readers, helpers, discovery })
    }

    /// Takes no more requests, answers those that are already on their way, and returns. Without a connection to the server nothing is
    /// on its way, and nothing may come again: what is stopping must not be found by callers after the server's restart.
    ///
    /// The client library's own drain forgets messages that the server has sent and the client has not yet read. So the
    /// server is told to end each subscription a good number of messages later, and reading goes on until nothing comes.
    pub async fn stop(mut self) {
        for question in &self.discovery {
            question.abort();
        }
        let shared = Arc::clone(&self.shared);
        shared.connection.make_last();
        self.stop.send_replace(true);
        let steps = async {
            let _ = timeout(STOP_PATIENCE, async { while self.readers.join_next().await.is_some() {} }).await;
            let handled = timeout(STOP_PATIENCE, shared.permits.acquire_many(shared.limits.requests)).await;
            let read = timeout(STOP_PATIENCE, async {
                tokio::select! {
                    () = shared.open_replies.all_read() => {}
                    () = shared.connection.down() => {}
                }
            });
            let read = read.await;
            let imported = timeout(STOP_PATIENCE, shared.uploads.all_done()).await;
            if handled.is_err() || read.is_err() || imported.is_err() {
                warn!("stopping with requests unfinished");
            }
        };
        steps.await;
        self.helpers.abort_all();
        let _ = timeout(Duration::from_secs(1), shared.connection.client().flush()).await;
        info!(service = shared.service, "stopped listening");
    }
}

impl Shared {
    async fn read(self: Arc<Self>, endpoint: usize, mut requests: Subscriber, mut stopping: watch::Receiver<bool>) {
        let mut received = 0;
        loop {
            tokio::select! {
                request = requests.next() => match request {
                    Some(request) => {
                        received += 1;
                        self.accept(endpoint, request);
                    }
                    None => return,
                },
                _ = stopping.wait_for(|stop| *stop) => break,
            }
        }
        tokio::select! {
            () = self.drain(endpoint, requests, received) => {}
            () = self.connection.down() => {}
        }
    }

    async fn drain(self: &Arc<Self>, endpoint: usize, mut requests: Subscriber, mut received: u64) {
        // The server sends this many more, and the client takes this many more: neither can end the subscription early.
        if requests.unsubscribe_after(received + ON_THE_WAY).await.is_err() {
            return;
        }
        // What comes during one round trip is the measure for how many may be on their way during the next one.
        let before = received;
        let turn = self.connection.round_trip(ROUND_TRIP_PATIENCE);
        tokio::pin!(turn);
        let answered = loop {
            tokio::select! {
                biased;
                Some(request) = requests.next() => {
                    received += 1;
                    self.accept(endpoint, request);
                }
                answered = &mut turn => break answered.is_ok(),
            }
        };
        let fewer = LEAST_ON_THE_WAY + 4 * (received - before);
        if answered && fewer < ON_THE_WAY && requests.unsubscribe_after(received + fewer).await.is_err() {
            return;
        }
        while let Ok(Some(request)) = timeout(SILENCE, requests.next()).await {
            self.accept(endpoint, request);
        }
        let _ = timeout(SILENCE, requests.drain()).await;
        while let Ok(Some(request)) = timeout(SILENCE, requests.next()).await {
            self.accept(endpoint, request);
        }
    }

    /// Never waits: a request gets a permit or a refusal.
    fn accept(self: &Arc<Self>, endpoint: usize, request: Message) {
        let Some(reply) = request.reply.clone() else { return };
        match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => {
                tokio::spawn(Arc::clone(self).handle(endpoint, request, reply, permit));
            }
            Err(_) => {
                let fault = Fault::new(Status::Unavailable, format!("the {} service is overloaded", self.service));
                self.endpoints[endpoint].statistics.count(Duration::ZERO, Some(&fault));
                // Without room for the refusal the caller's own time-out has to do.
                let _ = self.refuse(reply, &fault).now_or_never();
            }
        }
    }

    async fn handle(self: Arc<Self>, endpoint: usize, request: Message, reply: Subject, permit: OwnedSemaphorePermit) {
        let began = Instant::now();
        let Endpoint { handler, statistics } = &self.endpoints[endpoint];
        let received = Received::read(request.headers.as_ref());
        let stamp = received.as_ref().and_then(|received| received.stamp.as_ref());
        let age = stamp.map_or(Duration::ZERO, |stamp| self.freshness.age(stamp));
        let outcome = match received {
            Some(received) => self.answer(handler, received, age, request.payload).await,
            None => Err(Fault::new(Status::Invalid, "the request lacks its headers")),
        };
        statistics.count(began.elapsed(), outcome.as_ref().err());
        let mut outgoing = outcome.unwrap_or_else(|fault| Outgoing::from(&fault));
        if age > NOTABLE {
            headers::set_age(&mut outgoing.headers, age);
        }
        self.reply(reply, outgoing).await;
        drop(permit);
    }

    async fn answer(
        &self,
        handler: &Handler,
        received: Received,
        age: Duration,
        body: Bytes,
    ) -> Result<Outgoing, Fault> {
        let span = debug_span!(
            "handle",
            otel.kind = "server",
            otel.name = handler.operation.name,
            messaging.system = "nats",
            operation = handler.operation.name,
            request_id = received.request_id,
        );
        trace::continue_trace(&span, received.traceparent.as_deref());
        let call = received.into_call(age);
        async {
            if handler.operation.kind == Kind::Import {
                return self.uploads.begin(handler, call, body).map(Outgoing::from);
            }
            let (request_id, deadline) = (call.request_id.clone(), call.deadline);
            let answer = handler.handle(call, body, stream::empty().boxed()).await?;
            let first = timeout(remaining(deadline), self.open_replies.first(answer, handler, request_id));
            first.await.unwrap_or_else(|_| Err(unfinished())).map(Outgoing::from)
        }
        .instrument(span)
        .await
    }

    async fn serve_pieces(self: Arc<Self>, mut pulls: Subscriber) {
        while let Some(pull) = pulls.next().await {
            let Some(token) = pull.subject.rsplit('.').next().map(str::to_owned) else { continue };
            let Some(reply) = pull.reply.clone() else {
                self.cancel(&token);
                continue;
            };
            let shared = Arc::clone(&self);
            // At most one for each open reply and each import waits here: a second one finds it taken and is refused.
            tokio::spawn(async move {
                match shared.next(&token, pull).await {
                    Ok(outgoing) => shared.reply(reply, outgoing).await,
                    Err(fault) => shared.refuse(reply, &fault).await,
                }
            });
        }
    }

    /// The next message of what is under way as `token`.
    async fn next(&self, token: &str, message: Message) -> Result<Outgoing, Fault> {
        if is_upload(token) {
            let last = headers::is_last(message.headers.as_ref());
            return self.uploads.take(token, message.payload, last).await.map(Outgoing::from);
        }
        let id = token.parse().map_err(|_| Fault::new(Status::Invalid, "there is no such reply"))?;
        self.open_replies.pull(id).await.map(Outgoing::from)
    }

    /// Ends what is under way as `token`: nobody asks for it any more.
    fn cancel(&self, token: &str) {
        if is_upload(token) {
            self.uploads.cancel(token);
        } else if let Ok(id) = token.parse() {
            self.open_replies.cancel(id);
        }
    }

    async fn discover(self: Arc<Self>, verb: Verb, mut questions: Subscriber) {
        while let Some(question) = questions.next().await {
            let Some(reply) = question.reply else { continue };
            let endpoints: Vec<_> = self.endpoints.iter().map(|endpoint| &endpoint.statistics).collect();
            let answer = micro::respond(verb, self.service, &self.identity, &self.started, &endpoints);
            self.send(reply, HeaderMap::new(), answer.into()).await;
        }
    }

    async fn reply(&self, to: Subject, Outgoing { headers, body }: Outgoing) {
        self.send(to, headers, body).await;
    }

    async fn refuse(&self, to: Subject, fault: &Fault) {
        self.reply(to, Outgoing::from(fault)).await;
    }

    async fn send(&self, to: Subject, headers: HeaderMap, body: Bytes) {
        let client = self.connection.client();
        let sent = if headers.is_empty() {
            client.publish(to, body).await
        } else {
            client.publish_with_headers(to, headers, body).await
        };
        if let Err(error) = sent {
            warn!(%error, "a reply could not be sent");
        }
    }
}

/// A reply ready to leave.
struct Outgoing {
    headers: HeaderMap,
    body: Bytes,
}

impl From<&Fault> for Outgoing {
    fn from(fault: &Fault) -> Self {
        Self { headers: headers::of_fault(fault), body: fault.envelope().into() }
    }
}

impl From<Piece> for Outgoing {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Whole(whole) => whole.into(),
            Piece::Part { body, next } => Self { headers: headers::of_part(next.as_deref()), body },
        }
    }
}

impl From<Reaction> for Outgoing {
    fn from(reaction: Reaction) -> Self {
        match reaction {
            Reaction::Answer(whole) => whole.into(),
            Reaction::Demand { subject, busy } => {
                Self { headers: headers::of_demand(&subject, busy), body: Bytes::new() }
            }
        }
    }
}

impl From<Whole> for Outgoing {
    fn from(whole: Whole) -> Self {
        Self { headers: headers::of_whole(&whole), body: whole.body }
    }
}

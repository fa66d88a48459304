use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{HeaderMap, Message, StatusCode, Subscriber, client::PublishErrorKind};
use bytes::Bytes;
use configmgt_contract::{Answer, BoxError, Fault, Kind, Status, Upload, chain};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tokio::{
    sync::{oneshot, watch},
    time::{interval, sleep, timeout},
};
use tracing::{Instrument, debug_span, warn};

use crate::{
    Connection, Request, Transport,
    headers::{self, Stamp},
    local::no_listener,
    retry::{Patience, RetryBudget},
    trace,
    transport::remaining,
};

/// The asking side of the bus. Clones share everything.
///
/// All replies come in on one subscription of its own, so that a request that is never answered leaves nothing behind.
#[derive(Clone)]
pub struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    /// The connection that stands at the moment.
    line: watch::Sender<Option<Arc<Line>>>,
    waiting: Waiting,
    budget: RetryBudget,
    patience: Patience,
    sender: String,
    began: Instant,
}

/// One connection, from its begin to its loss. Replies come on `<inbox>.<token>`.
struct Line {
    connection: Connection,
    inbox: String,
}

impl Caller {
    /// Connects to `url` in the background, now and whenever the connection is lost, for as long as a clone is left. While there
    /// is none, every request is answered 503 at once.
    ///
    /// `name` and `inbox` are those of [`Connection::open`].
    pub fn start(url: &str, name: &str, inbox: &str, patience: Patience) -> Self {
        let shared = Arc::new(Shared {
            line: watch::Sender::new(None),
            waiting: Waiting::default(),
            budget: RetryBudget::new(),
            patience,
            sender: uuid::Uuid::new_v4().simple().to_string(),
            began: Instant::now(),
        });
        let [url, name, inbox] = [url, name, inbox].map(str::to_owned);
        tokio::spawn(keep_connected(Arc::downgrade(&shared), url, name, inbox));
        tokio::spawn(beat(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        // It fails when the sender is gone, and we hold the sender.
        let _ = self.shared.line.subscribe().wait_for(Option::is_some).await;
    }

    /// Asks, and asks again while that is safe and the budget allows it. The reply subject stays the same, so whichever
    /// attempt is answered first ends the wait.
    async fn ask(&self, request: &Request) -> Result<Message, Fault> {
        let Shared { budget, patience, .. } = &*self.shared;
        let operation = request.operation;
        let repeatable = match operation.kind {
            Kind::Read => true,
            // With a key it is carried out once, however often it is asked for.
            Kind::Write => request.call.idempotency_key.is_some(),
            // A second lengthy one would only wait for the first.
            Kind::Lengthy | Kind::Attempt | Kind::Import => false,
        };
        budget.earn();
        let mut reply = self.shared.waiting.open();
        loop {
            self.send(request, reply.token).await?;
            let rest = remaining(request.call.deadline);
            let attempt = if repeatable { patience.attempt.min(rest) } else { rest };
            let received = match timeout(attempt, &mut reply.receiver).await {
                Err(_) if repeatable && budget.spend() => continue,
                Err(_) => timeout(remaining(request.call.deadline), &mut reply.receiver).await,
                received => received,
            };
            return match received {
                Ok(Ok(message)) if message.status == Some(StatusCode::NO_RESPONDERS) => {
                    Err(no_listener(operation.service))
                }
                Ok(Ok(message)) => Ok(message),
                Ok(Err(_)) => Err(bus_down()),
                Err(_) => Err(timed_out(operation.service)),
            };
        }
    }

    async fn send(&self, request: &Request, token: u64) -> Result<(), Fault> {
        let rest = remaining(request.call.deadline);
        if rest.is_zero() {
            return Err(timed_out(request.operation.service));
        }
        let stamp = Stamp { sender: self.shared.sender.clone(), sent_ms: millis(self.shared.began.elapsed()) };
        let headers = headers::of_request(&request.call, trace::current().as_deref(), rest, &stamp);
        self.publish(request.operation.subject(), token, headers, request.body.clone()).await
    }

    /// Sends at once or not at all.
    async fn publish(&self, subject: String, token: u64, headers: HeaderMap, body: Bytes) -> Result<(), Fault> {
        let line = self.shared.line.borrow().clone().filter(|line| line.connection.is_up()).ok_or_else(bus_down)?;
        let reply = format!("{}.{token}", line.inbox);
        let mut publishing =
            pin!(line.connection.client().publish_with_reply_and_headers(subject, reply, headers, body));
        // There nearly always is room in the connection's queue: then no timer is needed.
        let published = match publishing.as_mut().now_or_never() {
            Some(published) => Ok(published),
            None => timeout(SEND_PATIENCE, publishing).await,
        };
        match published {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(Fault::new(Status::TooLarge, "the request is larger than a message may be"))
            }
            Ok(Err(_)) | Err(_) => Err(bus_down()),
        }
    }

    /// One question to the server itself. A refusal comes back as a message with a status.
    pub(crate) async fn request(&self, subject: String, body: Bytes, patience: Duration) -> Result<Message, Fault> {
        let mut reply = self.shared.waiting.open();
        self.publish(subject, reply.token, HeaderMap::new(), body).await?;
        match timeout(patience, &mut reply.receiver).await {
            Ok(Ok(message)) => Ok(message),
            Ok(Err(_)) => Err(bus_down()),
            Err(_) => Err(Fault::new(Status::TimedOut, "the message bus did not answer in time")),
        }
    }

    /// What is published on `subjects` from now on, until the connection is lost.
    pub(crate) async fn subscribe(&self, subjects: String) -> Result<Subscriber, Fault> {
        let line = self.shared.line.borrow().clone().ok_or_else(bus_down)?;
        line.connection.client().subscribe(subjects).await.map_err(|_| bus_down())
    }

    async fn answer(&self, request: Request) -> Result<Answer, Fault> {
        let message = self.ask(&request).await?;
        if let Some(fault) = headers::fault(message.headers.as_ref(), &message.payload) {
            return Err(fault);
        }
        let Some(next) = headers::next_piece(message.headers.as_ref()) else {
            return Ok(Answer::Whole(headers::whole(message.headers.as_ref(), message.payload)));
        };
        let rest = Rest { ahead: Some(self.pull(next).await?), caller: self.clone() };
        let pieces = stream::try_unfold((Some(message.payload), rest), |(first, mut rest)| async move {
            let piece = match first {
                Some(first) => Some(first),
                None => rest.next().await?,
            };
            Ok(piece.map(|piece| (piece, (None, rest))))
        });
        Ok(Answer::Pieces(pieces.boxed()))
    }

    /// Sends an import with its content. Nothing of it is sent twice.
    async fn send_import(&self, request: Request, mut content: Upload) -> Result<Answer, Fault> {
        let service = request.operation.service;
        let mut reply = self.shared.waiting.open();
        self.send(&request, reply.token).await?;
        let mut import = Import { wanted: None, caller: self.clone() };
        let mut all_sent = None;
        loop {
            let message = import.word(&mut reply, service).await?;
            let headers = message.headers.as_ref();
            let Some(subject) = headers::next_piece(headers) else {
                return Ok(Answer::Whole(headers::whole(headers, message.payload)));
            };
            import.wanted = Some(subject.clone());
            let over = all_sent.is_some_and(|sent: Instant| sent.elapsed() > self.shared.patience.import);
            if over || remaining(request.call.deadline).is_zero() {
                return Err(timed_out(service));
            }
            let (piece, last) = if all_sent.is_some() || headers::is_busy(headers) {
                (Bytes::new(), false)
            } else {
                match content.next().await.transpose()? {
                    Some(piece) => (piece, false),
                    None => {
                        all_sent = Some(Instant::now());
                        (Bytes::new(), true)
                    }
                }
            };
            reply = self.shared.waiting.open();
            self.publish(subject, reply.token, headers::of_content(last), piece).await?;
        }
    }

    /// Tells an instance that nobody is left at `subject`.
    fn give_up(&self, subject: &str) {
        if let Some(line) = &*self.shared.line.borrow() {
            // Without room in the queue the service finds out by itself.
            let _ = line.connection.client().publish(subject.to_owned(), Bytes::new()).now_or_never();
        }
    }

    /// Asks for the piece at `subject`.
    async fn pull(&self, subject: String) -> Result<Pull, Fault> {
        let reply = self.shared.waiting.open();
        self.publish(subject.clone(), reply.token, HeaderMap::new(), Bytes::new()).await?;
        Ok(Pull { subject, reply })
    }
}

impl Transport for Caller {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Answer, Fault>> {
        let span = debug_span!(
            "ask",
            otel.kind = "client",
            otel.name = request.operation.subject(),
            messaging.system = "nats"
        );
        self.answer(request).instrument(span).boxed()
    }

    fn import(&self, request: Request, content: Upload) -> BoxFuture<'_, Result<Answer, Fault>> {
        let span = debug_span!(
            "ask",
            otel.kind = "client",
            otel.name = request.operation.subject(),
            messaging.system = "nats"
        );
        self.send_import(request, content).instrument(span).boxed()
    }

    fn ping<'a>(&'a self, service: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            match self.request(format!("$SRV.PING.{service}"), Bytes::new(), patience).await {
                Ok(message) if message.status == Some(StatusCode::NO_RESPONDERS) => Err(no_listener(service)),
                Ok(_) => Ok(()),
                Err(fault) if fault.status == Status::TimedOut => Err(timed_out(service)),
                Err(fault) => Err(fault),
            }
        }
        .boxed()
    }
}

/// Between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// Shorter than the shortest wait for an answer.
const BEAT: Duration = Duration::from_millis(100);

/// Handing a message to the connection's own queue takes no longer than this, or the connection is stuck.
const SEND_PATIENCE: Duration = Duration::from_millis(50);

/// What is still to come of a streamed reply. One piece is asked for ahead of the reader, never more.
struct Rest {
    ahead: Option<Pull>,
    caller: Caller,
}

struct Pull {
    subject: String,
    reply: Reply,
}

impl Rest {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(pull) = &mut self.ahead else { return Ok(None) };
        let message = match timeout(self.caller.shared.patience.piece, &mut pull.reply.receiver).await {
            Ok(Ok(message)) if message.status == Some(StatusCode::NO_RESPONDERS) => {
                return Err(Fault::new(Status::Unavailable, "the service that was answering is gone"));
            }
            Ok(Ok(message)) => message,
            Ok(Err(_)) => return Err(bus_down()),
            Err(_) => return Err(Fault::new(Status::TimedOut, "the rest of the reply did not come in time")),
        };
        if let Some(fault) = headers::fault(message.headers.as_ref(), &message.payload) {
            self.ahead = None;
            return Err(fault);
        }
        self.ahead = match headers::next_piece(message.headers.as_ref()) {
            Some(next) => Some(self.caller.pull(next).await?),
            None => None,
        };
        Ok(Some(message.payload))
    }
}

impl Drop for Rest {
    /// Tells the service that nobody reads on, so that it need not wait for that to show.
    fn drop(&mut self) {
        if let Some(pull) = &self.ahead {
            self.caller.give_up(&pull.subject);
        }
    }
}

/// An import on its way. Dropped before its answer, it is given up.
struct Import {
    /// Where its next piece is wanted.
    wanted: Option<String>,
    caller: Caller,
}

impl Import {
    /// What the service says to the piece that was sent last, or to the request.
    async fn word(&mut self, reply: &mut Reply, service: &str) -> Result<Message, Fault> {
        let message = match timeout(self.caller.shared.patience.piece, &mut reply.receiver).await {
            Ok(Ok(message)) if message.status == Some(StatusCode::NO_RESPONDERS) => {
                return Err(match self.wanted.take() {
                    Some(_) => Fault::new(Status::Unavailable, "the service that was importing is gone"),
                    None => no_listener(service),
                });
            }
            Ok(Ok(message)) => message,
            Ok(Err(_)) => return Err(bus_down()),
            Err(_) => return Err(timed_out(service)),
        };
        if let Some(fault) = headers::fault(message.headers.as_ref(), &message.payload) {
            self.wanted = None;
            return Err(fault);
        }
        if headers::next_piece(message.headers.as_ref()).is_none() {
            self.wanted = None;
        }
        Ok(message)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if let Some(subject) = &self.wanted {
            self.caller.give_up(subject);
        }
    }
}

/// Who waits for a reply, by the token of its subject.
#[derive(Clone, Default)]
struct Waiting {
    replies: Arc<Mutex<HashMap<u64, oneshot::Sender<Message>>>>,
    tokens: Arc<AtomicU64>,
}

/// A reply that is waited for, until this is dropped.
struct Reply {
    token: u64,
    receiver: oneshot::Receiver<Message>,
    waiting: Waiting,
}

impl Waiting {
    fn open(&self) -> Reply {
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(token, sender);
        Reply { token, receiver, waiting: self.clone() }
    }

    fn hand_over(&self, message: Message) {
        let token = message.subject.rsplit('.').next().and_then(|token| token.parse().ok());
        let sender = token.and_then(|token: u64| self.lock().remove(&token));
        if let Some(sender) = sender {
            // Whoever asked may just have given up.
            let _ = sender.send(message);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Message>>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.token);
    }
}

/// Keeps a timer that is due before those of the requests. A new timer that is due before all others makes the runtime wake itself
/// by a system call, which would happen on every request.
async fn beat(shared: Weak<Shared>) {
    let mut beat = interval(BEAT);
    while shared.strong_count() > 0 {
        beat.tick().await;
    }
}

async fn keep_connected(shared: Weak<Shared>, url: String, name: String, inbox: String) {
    let mut warned = false;
    while shared.strong_count() > 0 {
        match listen(&url, &name, &inbox).await {
            Ok((line, replies)) => {
                warned = false;
                use_line(&shared, line, replies).await;
            }
            Err(error) => {
                if !std::mem::replace(&mut warned, true) {
                    warn!(error = chain(error.as_ref()), "waiting for NATS");
                }
                sleep(RECONNECT_PAUSE).await;
            }
        }
    }
}

async fn listen(url: &str, name: &str, inbox: &str) -> Result<(Arc<Line>, Subscriber), BoxError> {
    let connection = Connection::open_once(url, name, inbox).await?;
    let inbox = connection.client().new_inbox();
    let replies = connection.client().subscribe(format!("{inbox}.*")).await?;
    Ok((Arc::new(Line { connection, inbox }), replies))
}

/// Hands replies out until the connection is lost. A reply to what was asked over it will not come then: whoever waits is
/// told at once.
async fn use_line(shared: &Weak<Shared>, line: Arc<Line>, mut replies: Subscriber) {
    let mut losses = line.connection.losses();
    let Some(waiting) = shared.upgrade().map(|shared| {
        shared.line.send_replace(Some(line));
        shared.waiting.clone()
    }) else {
        return;
    };
    loop {
        tokio::select! {
            biased;
            _ = losses.changed() => break,
            reply = replies.next() => match reply {
                Some(reply) => waiting.hand_over(reply),
                None => break,
            },
        }
    }
    if let Some(shared) = shared.upgrade() {
        shared.line.send_replace(None);
    }
    waiting.lock().clear();
}

fn bus_down() -> Fault {
    Fault::new(Status::Unavailable, "the message bus cannot be reached")
}

fn timed_out(service: &str) -> Fault {
    Fault::new(Status::TimedOut, format!("the {service} service did not answer in time"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

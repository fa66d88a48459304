use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use configmgt_contract::{Answer, Fault, Kind, OperationDoc, Upload, chain};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::watch,
    time::{interval, sleep, timeout},
};
use tracing::{Instrument, Span, debug_span, warn};

use crate::{
    Request, Transport,
    attempts::{self, Attempt, Refusals, Refused},
    freshness::Clock,
    headers::{self, Stamp},
    line::Line,
    pull, push,
    reply::{Reply, bus_down, timed_out},
    retry::{Patience, RetryBudget},
    trace,
    transport::remaining,
};

/// The asking side of the bus. Clones share everything.
#[derive(Clone)]
pub struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    /// The connection that stands at the moment.
    line: watch::Sender<Option<Arc<Line>>>,
    budget: RetryBudget,
    patience: Patience,
    clock: Clock,
}

/// Between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// Shorter than the shortest wait for an answer.
const BEAT: Duration = Duration::from_millis(100);

impl Caller {
    /// Connects to `url` in the background, now and whenever the connection is lost, for as long as a clone is left. While there
    /// is none, every request is answered 503 at once.
    ///
    /// `name` and `inbox` are those of [`Connection::open`](crate::Connection::open).
    pub fn start(url: &str, name: &str, inbox: &str, patience: Patience) -> Self {
        let shared = Arc::new(Shared {
            line: watch::Sender::new(None),
            budget: RetryBudget::new(),
            patience,
            clock: Clock::new(),
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

    /// Asks, and asks again while that is safe and the budget allows it.
    ///
    /// A read is over with its first answer. A write is over once it is carried out, or once none of its attempts is under way any
    /// more: what one is refused, another may still do.
    async fn ask(&self, request: &Request) -> Result<Message, Fault> {
        let Shared { budget, patience, .. } = &*self.shared;
        let Request { operation: OperationDoc { service, kind, .. }, call, .. } = request;
        let repeatable = match kind {
            Kind::Read => true,
            // With a key it is carried out once, however often it is asked for.
            Kind::Write => call.idempotency_key.is_some(),
            // A second lengthy one would only wait for the first.
            Kind::Lengthy | Kind::Attempt | Kind::Import => false,
        };
        budget.earn();
        let mut attempts = vec![self.attempt(request).await?];
        let (mut again, mut refusals) = (repeatable, Refusals::default());
        loop {
            let rest = remaining(call.deadline);
            let patience = if again { patience.attempt.min(rest) } else { rest };
            match timeout(patience, attempts::first(&mut attempts)).await {
                Ok(Ok(message)) => return Ok(message),
                Ok(Err(Refused::Misjudged(_))) if repeatable && budget.spend() => {
                    attempts.push(self.attempt(request).await?);
                }
                Ok(Err(refused)) => {
                    // What has been heard and refused would be refused again.
                    again &= matches!(refused, Refused::Unanswered(_));
                    refusals.add(refused, service);
                    if *kind == Kind::Read || attempts.is_empty() {
                        return Err(refusals.gravest(service));
                    }
                }
                Err(_) if patience == rest => return Err(timed_out(service)),
                Err(_) => {
                    again = budget.spend();
                    // Where it cannot be sent, those that are under way are waited for all the same.
                    if again && let Ok(attempt) = self.attempt(request).await {
                        attempts.push(attempt);
                    }
                }
            }
        }
    }

    /// Sends the request once.
    async fn attempt(&self, request: &Request) -> Result<Attempt<'_>, Fault> {
        let (reply, stamp) = self.send(request).await?;
        Ok(Attempt { reply, stamp, clock: &self.shared.clock })
    }

    /// Sends the request once, with this stamp.
    pub(crate) async fn send(&self, request: &Request) -> Result<(Reply, Stamp), Fault> {
        let rest = remaining(request.call.deadline);
        if rest.is_zero() {
            return Err(timed_out(request.operation.service));
        }
        let stamp = self.shared.clock.stamp();
        let headers = headers::of_request(&request.call, trace::current().as_deref(), rest, &stamp);
        let reply = self.line()?.ask(request.operation.subject(), headers, request.body.clone()).await?;
        Ok((reply, stamp))
    }

    /// One question to the server itself.
    pub(crate) async fn question(&self, subject: String, body: Bytes) -> Result<Reply, Fault> {
        self.line()?.ask(subject, HeaderMap::new(), body).await
    }

    /// What is published on `subjects` from now on, until the connection is lost.
    pub(crate) async fn subscribe(&self, subjects: String) -> Result<Subscriber, Fault> {
        self.line()?.subscribe(subjects).await
    }

    async fn answer(&self, request: Request) -> Result<Answer, Fault> {
        let message = self.ask(&request).await?;
        let headers = message.headers.as_ref();
        match headers::next_piece(headers) {
            None => Ok(Answer::Whole(headers::whole(headers, message.payload))),
            Some(next) => pull::pieces(self, message, next).await.map(Answer::Pieces),
        }
    }

    /// The connection that stands.
    pub(crate) fn line(&self) -> Result<Arc<Line>, Fault> {
        self.shared.line.borrow().clone().filter(|line| line.is_up()).ok_or_else(bus_down)
    }

    /// Tells an instance that nobody is left at `subject`.
    pub(crate) fn give_up(&self, subject: &str) {
        if let Ok(line) = self.line() {
            line.give_up(subject.to_owned());
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        self.shared.patience
    }
}

impl Transport for Caller {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Answer, Fault>> {
        let span = span(request.operation);
        self.answer(request).instrument(span).boxed()
    }

    fn import(&self, request: Request, content: Upload) -> BoxFuture<'_, Result<Answer, Fault>> {
        let span = span(request.operation);
        push::import(self, request, content).instrument(span).boxed()
    }

    fn ping<'a>(&'a self, service: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let mut pong = self.question(format!("$SRV.PING.{service}"), Bytes::new()).await?;
            pong.wait(patience).await.map(|_| ()).map_err(|none| none.from(service))
        }
        .boxed()
    }
}

fn span(operation: OperationDoc) -> Span {
    debug_span!("ask", otel.kind = "client", otel.name = operation.subject(), messaging.system = "nats")
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
        match Line::open(&url, &name, &inbox).await {
            Ok((line, replies)) => {
                warned = false;
                show(&shared, Some(Arc::clone(&line)));
                line.hand_out(replies).await;
                show(&shared, None);
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

/// Makes this the connection that stands.
fn show(shared: &Weak<Shared>, line: Option<Arc<Line>>) {
    if let Some(shared) = shared.upgrade() {
        shared.line.send_replace(line);
    }
}

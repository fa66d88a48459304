//! Following the objects of another service: an own copy of what is needed of them, kept by their events.
//!
//! A service lists what it [`Follows`] in its description. Each of these runs as a [`Follower`] beside its handlers, with the service's
//! own connections and NATS credentials. On the bus it needs the rights to publish on
//! `$JS.API.CONSUMER.CREATE.<stream>.<consumer>.>`, `$JS.API.CONSUMER.MSG.NEXT.<stream>.<consumer>` and
//! `$JS.ACK.<stream>.<consumer>.>`, where the stream is that of the followed service and the consumer is named
//! `<follower>-<object type>`.
//!
//! What follows from a change is done in the name of whoever made it: the follower's own objects that it changes show the same actor
//! in the history.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use configmgt_bus::{Consumer, Delivered, EventError, Stored};
use configmgt_contract::{
    BoxError, chain,
    events::{Action, Change, Object},
};
use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use tokio::{sync::watch, time::sleep};
use tracing::{info, warn};

use crate::journal::Journal;

/// Between two attempts to reach the stream, and before an event that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// A kind of object of another service that a service follows.
#[derive(Clone, Copy)]
pub struct Follows {
    run: fn(&'static str, String, Journal, watch::Receiver<bool>) -> BoxFuture<'static, ()>,
}

impl Follows {
    /// The objects with the state `S`, whose changes `A` applies.
    pub const fn of<S, A>() -> Self
    where
        S: Object + DeserializeOwned,
        A: Apply<S> + Default + 'static,
    {
        Self {
            run: |follower, nats_url, journal, stop| {
                let (name, inbox) = (format!("{follower}-{}", S::NAME), format!("_INBOX.{follower}"));
                Follower::<S, A>::new(name, nats_url, inbox, journal, A::default()).run(stop).boxed()
            },
        }
    }

    /// Follows in the name of the service `follower` until `stop` says otherwise.
    pub(crate) async fn run(
        self,
        follower: &'static str,
        nats_url: String,
        journal: Journal,
        stop: watch::Receiver<bool>,
    ) {
        (self.run)(follower, nats_url, journal, stop).await;
    }
}

/// What is done with the events of a kind of object.
pub trait Apply<S>: Send + Sync {
    /// Stores the effect of a change. It must write through `connection` only: the follower's position is stored with it.
    fn apply(
        &self,
        connection: &mut PgConnection,
        event: Followed<S>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A change of a followed object.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed<S> {
    pub object_id: String,
    pub version: i64,
    pub action: Action,
    pub before: Option<S>,
    pub after: Option<S>,
}

/// Follows the objects with the state `S`.
pub struct Follower<S, A> {
    /// Of the consumer, the same in each instance of the follower: `<follower>-<object type>`.
    pub name: String,
    pub nats_url: String,
    /// The prefix of the follower's inboxes on the bus.
    pub inbox: String,
    /// Of the follower's own schema, with the table `followed`.
    pub journal: Journal,
    pub apply: A,
    gaps: Arc<AtomicU64>,
    state: std::marker::PhantomData<fn() -> S>,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Stream(#[from] EventError),
    #[error("the position cannot be stored")]
    Database(#[from] sqlx::Error),
    #[error("an event cannot be read")]
    Unreadable,
    #[error("the state of {object} cannot be read")]
    State { object: String, source: serde_json::Error },
    #[error("the change of {object} to version {version} cannot be applied")]
    Apply { object: String, version: i64, source: BoxError },
}

impl<S: Object + DeserializeOwned, A: Apply<S>> Follower<S, A> {
    pub fn new(name: String, nats_url: String, inbox: String, journal: Journal, apply: A) -> Self {
        let (gaps, state) = (Arc::default(), std::marker::PhantomData);
        Self { name, nats_url, inbox, journal, apply, gaps, state }
    }

    /// Counts the changes that were missing: their objects were changed again, so their effect is that of the later change.
    pub fn gaps(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.gaps)
    }

    /// Follows until `stop` says otherwise. What cannot be applied is tried again, and nothing behind it before.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut warned = false;
        while !*stop.borrow() {
            let failed = tokio::select! {
                followed = self.follow(&mut warned) => followed,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let Err(error) = failed;
            // The stream may not be there yet, and NATS may be away: one line is enough.
            if !std::mem::replace(&mut warned, true) {
                let error: BoxError = error.into();
                warn!(name = self.name, error = chain(error.as_ref()), "waiting for events");
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn follow(&self, warned: &mut bool) -> Result<std::convert::Infallible, FollowError> {
        let mut consumer = Consumer::open(&self.nats_url, &self.inbox, &self.name, S::SERVICE, S::NAME).await?;
        info!(name = self.name, service = S::SERVICE, object_type = S::NAME, "following");
        loop {
            let delivered = consumer.next().await?;
            match self.take(&delivered).await {
                Ok(()) => {
                    *warned = false;
                    delivered.acknowledge().await?;
                }
                Err(error) => {
                    delivered.postpone(PAUSE).await?;
                    return Err(error);
                }
            }
        }
    }

    /// Stores the effect of an event together with the position behind it, unless it was stored before.
    async fn take(&self, delivered: &Delivered) -> Result<(), FollowError> {
        let Stored { change, .. } = delivered.stored().ok_or(FollowError::Unreadable)?;
        let mut transaction = self.journal.begin_as(&change.actor).await?;
        // After a failure the connection ends, and with it the transaction.
        self.store(&mut transaction, change).await?;
        self.journal.commit(transaction).await?;
        Ok(())
    }

    async fn store(&self, transaction: &mut PgConnection, change: Change) -> Result<(), FollowError> {
        let known: Option<i64> = sqlx::query_scalar(
            "SELECT version FROM followed WHERE service = $1 AND object_type = $2 AND object_id = $3 FOR UPDATE",
        )
        .bind(S::SERVICE)
        .bind(&change.object_type)
        .bind(&change.object_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let (object_id, version) = (change.object_id.clone(), change.version);
        match known {
            // It came before.
            Some(known) if version <= known => return Ok(()),
            Some(known) if version > known + 1 => {
                self.gaps.fetch_add(1, Ordering::Relaxed);
                warn!(name = self.name, object_id, known, version, "changes of an object are missing");
            }
            _ => {}
        }
        let event = followed(change)?;
        let object = format!("{}/{object_id}", S::NAME);
        let failed = |source| FollowError::Apply { object, version, source };
        self.apply.apply(transaction, event).await.map_err(failed)?;
        sqlx::query(
            "INSERT INTO followed (service, object_type, object_id, version) VALUES ($1, $2, $3, $4)
             ON CONFLICT (service, object_type, object_id) DO UPDATE SET version = $4",
        )
        .bind(S::SERVICE)
        .bind(S::NAME)
        .bind(object_id)
        .bind(version)
        .execute(transaction)
        .await?;
        Ok(())
    }
}

fn followed<S: Object + DeserializeOwned>(change: Change) -> Result<Followed<S>, FollowError> {
    let Change { object_id, version, action, before, after, .. } = change;
    let state = |state: Option<serde_json::Value>| {
        let unreadable = |source| FollowError::State { object: format!("{}/{object_id}", S::NAME), source };
        state.map(serde_json::from_value).transpose().map_err(unreadable)
    };
    let (before, after) = (state(before)?, state(after)?);
    Ok(Followed { object_id, version, action, before, after })
}

//! Following the objects of another service: an own copy of what is needed of them, kept by their events.
//!
//! A service lists what it [`Follows`] in its description. Each of these runs as a [`Follower`] beside its handlers, with the service's
//! own connections and NATS credentials. On the bus it needs the rights to publish on `$JS.API.STREAM.INFO.<stream>`,
//! `$JS.API.DIRECT.GET.<stream>`, `configmgt.request.<service>.snapshots.page` and `configmgt.pieces.<service>.>`, and to subscribe
//! to `configmgt.event.<service>.<object type>.>`, all of the followed service.
//!
//! The follower's place in the stream stands beside the copy and is written with it, so the two cannot disagree. What the stream does
//! not hold any more is bridged by a snapshot: a follower begins with one, and takes one whenever the stream has begun another life or
//! begins behind the follower's place. Each instance of the service reads the stream; whoever locks the place first applies the event.
//!
//! What follows from a change is done in the name of whoever made it: the follower's own objects that it changes show the same actor
//! in the history. What follows from a snapshot is done in the name of the follower.

mod place;

use std::{
    convert::Infallible,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use configmgt_bus::{Caller, Events, Position, Request, Stored, Transport};
use configmgt_contract::{
    BoxError, Call, Fault, Operation, chain,
    events::{self, Action, Change, Object},
    snapshots::{PresentObject, ReadSnapshot, SnapshotPage},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{connections::in_time, journal::Journal};
use place::Place;

/// Between two attempts to reach the stream, and before an event that failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How often the stream is looked at when nobody says that there is something, and asked whether it still is the same.
const LOOK: Duration = Duration::from_secs(1);

/// An event can be announced before it can be read: then it is looked for again after this long, and twice as long.
const SOON: Duration = Duration::from_millis(1);

/// How long a page of a snapshot is waited for: much shorter than the database suffers a transaction in which nothing happens.
const PATIENCE: Duration = Duration::from_secs(3);

/// A kind of object of another service that a service follows.
#[derive(Clone, Copy)]
pub struct Follows {
    run: fn(&'static str, Caller, Journal, watch::Receiver<bool>) -> BoxFuture<'static, ()>,
}

impl Follows {
    /// The objects with the state `S`, whose changes `A` applies.
    pub const fn of<S, A>() -> Self
    where
        S: Object + DeserializeOwned,
        A: Apply<S> + Default + 'static,
    {
        Self {
            run: |follower, bus, journal, stop| {
                Follower::<S, A>::new(follower, bus, journal, A::default()).run(stop).boxed()
            },
        }
    }

    /// Follows in the name of the service `follower` until `stop` says otherwise.
    pub(crate) async fn run(self, follower: &'static str, bus: Caller, journal: Journal, stop: watch::Receiver<bool>) {
        (self.run)(follower, bus, journal, stop).await;
    }
}

/// What is done with the changes of a kind of object.
pub trait Apply<S>: Send + Sync {
    /// Stores the effect of a change. It must write through `connection` only: the follower's place is stored with it.
    fn apply(
        &self,
        connection: &mut PgConnection,
        event: Followed<S>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A change of a followed object. Where events are missing, it is all of them at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed<S> {
    pub object_id: String,
    pub version: i64,
    pub action: Action,
    /// Nothing where it is known from a snapshot.
    pub before: Option<S>,
    pub after: Option<S>,
}

/// Follows the objects with the state `S`.
pub struct Follower<S, A> {
    /// The service that follows.
    name: &'static str,
    bus: Caller,
    /// Of the follower's own schema, with the tables `following` and `followed`.
    journal: Journal,
    apply: A,
    gaps: Arc<AtomicU64>,
    state: std::marker::PhantomData<fn() -> S>,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("there is no stream of events")]
    NoStream,
    #[error("the events or the objects cannot be read")]
    Bus(#[source] BoxError),
    #[error("the place cannot be stored")]
    Database(#[from] sqlx::Error),
    #[error("the state of {object} cannot be read")]
    State { object: String, source: serde_json::Error },
    #[error("the change of {object} to version {version} cannot be applied")]
    Apply { object: String, version: i64, source: BoxError },
}

impl From<Fault> for FollowError {
    fn from(fault: Fault) -> Self {
        Self::Bus(fault.into())
    }
}

impl<S: Object + DeserializeOwned, A: Apply<S>> Follower<S, A> {
    pub fn new(name: &'static str, bus: Caller, journal: Journal, apply: A) -> Self {
        let (gaps, state) = (Arc::default(), std::marker::PhantomData);
        Self { name, bus, journal, apply, gaps, state }
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
                warn!(service = S::SERVICE, object_type = S::NAME, error = chain(error.as_ref()), "waiting for events");
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn follow(&self, warned: &mut bool) -> Result<Infallible, FollowError> {
        self.bus.connected().await;
        let subjects = events::subjects(S::SERVICE, Some(S::NAME), None);
        // Before the first look, so that nothing is missed between the two.
        let mut announced = self.bus.published(&subjects).await?;
        let mut place = self.place().await?;
        info!(service = S::SERVICE, object_type = S::NAME, "following");
        let mut compared = Instant::now();
        let mut patience = LOOK;
        loop {
            while let Some(stored) = self.next(&subjects, &place).await? {
                // Published in another life of the stream, or so it seems: the stream itself knows.
                if stored.epoch != place.epoch {
                    place = self.bridge(&place, &self.position().await?).await?;
                }
                place = in_time(self.take(place, stored)).await?;
                *warned = false;
            }
            if compared.elapsed() >= LOOK {
                compared = Instant::now();
                let position = self.position().await?;
                place = self.bridge(&place, &position).await?;
                if self.next(&subjects, &place).await?.is_none() {
                    // What came since then was of other kinds. The place moves on with the stream, so that it does not grow old.
                    place = Place::end_of(&position);
                }
            }
            patience = match timeout(patience, announced.next()).await {
                Ok(Some(())) => SOON,
                Ok(None) => return Err(FollowError::Bus("the connection is lost".into())),
                Err(_) => (patience * 2).min(LOOK),
            };
        }
    }

    /// The first event behind the place, if there is one.
    async fn next(&self, subjects: &str, place: &Place) -> Result<Option<Stored>, FollowError> {
        let after = u64::try_from(place.sequence).unwrap_or(0);
        Ok(self.bus.next(S::SERVICE, subjects, after).await?)
    }

    async fn position(&self) -> Result<Position, FollowError> {
        self.bus.position(S::SERVICE).await?.ok_or(FollowError::NoStream)
    }

    /// Where to go on.
    async fn place(&self) -> Result<Place, FollowError> {
        let position = self.position().await?;
        let place = in_time(async {
            let mut connection = self.journal.connections().lend().await?;
            let place = Place::find::<S>(&mut connection).await;
            connection.done(place)
        });
        match place.await? {
            Some(place) => self.bridge(&place, &position).await,
            None => self.take_snapshot(&position).await,
        }
    }

    /// The place, or that behind a snapshot where the stream, which stands at `position`, does not hold all that comes behind it.
    async fn bridge(&self, place: &Place, position: &Position) -> Result<Place, FollowError> {
        if place.is_in(position) { Ok(place.clone()) } else { self.take_snapshot(position).await }
    }

    /// Stores the effect of an event together with the place behind it, unless another instance did. Gives the place that is stored
    /// then.
    async fn take(&self, from: Place, Stored { sequence, change, .. }: Stored) -> Result<Place, FollowError> {
        let mut transaction = self.journal.begin_as(&change.actor).await?;
        // After a failure the connection ends, and with it the transaction.
        let mut place = Place::lock::<S>(&mut transaction).await?;
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        if place.epoch == from.epoch && place.sequence < sequence {
            self.store(&mut transaction, change).await?;
            place.sequence = sequence;
            place.keep::<S>(&mut transaction).await?;
        }
        self.journal.commit(transaction).await?;
        Ok(place)
    }

    async fn store(&self, transaction: &mut PgConnection, change: Change) -> Result<(), FollowError> {
        let Change { object_id, version, action, before, after, .. } = change;
        match place::version_of::<S>(transaction, &object_id).await? {
            // It came before, or is older than the snapshot.
            Some(known) if version <= known => return Ok(()),
            Some(known) if version > known + 1 => {
                self.gaps.fetch_add(1, Ordering::Relaxed);
                warn!(object_type = S::NAME, object_id, known, version, "changes of an object are missing");
            }
            _ => {}
        }
        let (before, after) = (state(&object_id, before)?, state(&object_id, after)?);
        place::keep_version::<S>(transaction, &object_id, version).await?;
        self.apply(transaction, Followed { object_id, version, action, before, after }).await
    }

    async fn apply(&self, transaction: &mut PgConnection, followed: Followed<S>) -> Result<(), FollowError> {
        let (object, version) = (format!("{}/{}", S::NAME, followed.object_id), followed.version);
        let failed = |source| FollowError::Apply { object, version, source };
        self.apply.apply(transaction, followed).await.map_err(failed)
    }

    /// Makes the copy the followed objects as they are now, unless another instance just did. Gives the place that is stored then.
    ///
    /// The place is the end at which the stream stood before: whatever changes while the objects are read is read again behind it.
    /// All happens in one transaction, under the place's lock, so nobody sees half a snapshot or applies events in between.
    async fn take_snapshot(&self, position: &Position) -> Result<Place, FollowError> {
        let mut transaction = in_time(self.journal.begin_as(self.name)).await?;
        let place = in_time(Place::lock::<S>(&mut transaction)).await?;
        if place.is_in(position) {
            in_time(self.journal.commit(transaction)).await?;
            return Ok(place);
        }
        // In another life of the stream, versions may have been given anew: after the followed database was set back.
        let comparable = place.epoch == position.epoch;
        let mut gone = in_time(place::versions::<S>(&mut transaction)).await?;
        let mut after = None;
        let mut count: usize = 0;
        loop {
            let SnapshotPage { objects } = self.read_page(after).await?;
            let Some(last) = objects.last() else { break };
            after = Some(last.id.clone());
            count += objects.len();
            for PresentObject { id: object_id, version, state } in objects {
                let known = gone.remove(&object_id);
                if comparable && known == Some(version) {
                    continue;
                }
                let action = if known.is_some() { Action::Updated } else { Action::Created };
                let after = self::state(&object_id, Some(state))?;
                in_time(place::keep_version::<S>(&mut transaction, &object_id, version)).await?;
                let followed = Followed { object_id, version, action, before: None, after };
                in_time(self.apply(&mut transaction, followed)).await?;
            }
        }
        for (object_id, known) in gone {
            // Its version is not known: what comes of this object is taken as it comes.
            in_time(place::forget_version::<S>(&mut transaction, &object_id)).await?;
            let version = known + 1;
            let followed = Followed { object_id, version, action: Action::Deleted, before: None, after: None };
            in_time(self.apply(&mut transaction, followed)).await?;
        }
        let place = Place::end_of(position);
        in_time(place.keep::<S>(&mut transaction)).await?;
        in_time(self.journal.commit(transaction)).await?;
        info!(service = S::SERVICE, object_type = S::NAME, objects = count, "took a snapshot");
        Ok(place)
    }

    async fn read_page(&self, after: Option<String>) -> Result<SnapshotPage, FollowError> {
        let call = Call {
            request_id: Uuid::new_v4().to_string(),
            actor: self.name.to_owned(),
            idempotency_key: None,
            expected: None,
            traceparent: None,
            deadline: std::time::Instant::now() + PATIENCE,
        };
        let read = ReadSnapshot { object_type: S::NAME.to_owned(), after };
        let request = Request::new(&read, call).map_err(FollowError::Bus)?;
        let request = Request { operation: ReadSnapshot::DOC.of(S::SERVICE), ..request };
        self.bus.call(request).await?.read().await.map_err(FollowError::Bus)
    }
}

fn state<S: Object + DeserializeOwned>(object_id: &str, state: Option<Value>) -> Result<Option<S>, FollowError> {
    let unreadable = |source| FollowError::State { object: format!("{}/{object_id}", S::NAME), source };
    state.map(serde_json::from_value).transpose().map_err(unreadable)
}

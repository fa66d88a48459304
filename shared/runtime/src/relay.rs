//! From the journal to the stream: publishes every committed change as an event, in order and without a gap for each object.
//!
//! One relay of a service works at a time, the one that holds the service's advisory lock; the others wait for it. What is
//! to be published stands in the table `outbox`, put there in the transaction of the change, and is taken away only after
//! the server has acknowledged the event. A change's row is made while its object's row is locked, so the changes of one
//! object get their ids in the order of their commits.
//!
//! `PostgreSQL` is the truth and the stream a copy of it. Whenever a relay begins, and every minute, it compares the two: what
//! the stream has lost is published again.

use std::{sync::Arc, time::Duration};

use configmgt_bus::{EventError, EventStream, NotStored};
use configmgt_contract::{BoxError, chain, events::Event};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info, warn};
use uuid::Uuid;

use self::horizon::{Horizon, Read};
use crate::{
    connections::in_time,
    fail,
    history::{Row, ShowError},
    journal::Object,
};

mod compare;
mod horizon;
#[cfg(test)]
mod tests;

/// How many events are on their way to the server at a time, at most.
const BATCH: i64 = 256;

/// How often the outbox is looked at when nobody says that there is something, while changes come and when none do: a change
/// that was made in another process says nothing here.
const POLL_BUSY: Duration = Duration::from_millis(20);
const POLL_IDLE: Duration = Duration::from_millis(100);

/// While changes come, those of this long are published together: to store one event costs the server nearly as much as to store
/// twenty.
const GATHER: Duration = Duration::from_millis(10);

/// Between two attempts to become the one that publishes, and after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How often journal and stream are compared.
const COMPARE: Duration = Duration::from_mins(1);

/// The lock's session ends when its relay stays silent for longer, so that a relay that hangs gives way to another one.
///
/// What it marks may be lost with the database's machine: then those events are published once more, which each subscriber
/// recognises, and the database need not write to disk twice for each change.
///
/// Its statements are planned when the tables are small, and have to be right when they are large: always by the indexes.
const SESSION: [(&str, &str); 6] = [
    ("synchronous_commit", "off"),
    ("enable_seqscan", "off"),
    ("idle_session_timeout", "4s"),
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "2"),
];

/// What a relay needs to know.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) service: &'static str,
    pub(crate) process: &'static str,
    pub(crate) nats_url: String,
    pub(crate) database: PgConnectOptions,
    pub(crate) objects: &'static [Object],
    /// How long the stream keeps events.
    pub(crate) keep: Duration,
    /// Told when there is something to publish.
    pub(crate) written: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Stream(#[from] EventError),
    #[error("a change cannot be published")]
    Show(#[from] ShowError),
    #[error("the connection to NATS is lost")]
    Lost,
    #[error(transparent)]
    Refused(#[from] NotStored),
}

/// Publishes until `stop` says otherwise, and then what is left.
pub(crate) async fn run(relay: Relay, mut stop: watch::Receiver<bool>) {
    let mut silent = false;
    while !*stop.borrow() {
        match lead(&relay, &mut silent, &mut stop).await {
            Ok(()) => return,
            Err(error) => {
                let error: BoxError = error.into();
                // One line tells it all; the next ones would bury it.
                if std::mem::replace(&mut silent, true) {
                    debug!(error = chain(error.as_ref()), "events are not being published");
                } else {
                    warn!(error = chain(error.as_ref()), "events are not being published");
                }
            }
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Waits for its turn, then publishes.
async fn lead(relay: &Relay, silent: &mut bool, stop: &mut watch::Receiver<bool>) -> Result<(), RelayError> {
    let mut connection = in_time(relay.database.clone().options(SESSION).connect()).await?;
    while !in_time(lock(&mut connection)).await? {
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
    let mut publisher = Publisher::open(relay, connection).await?;
    info!(service = relay.service, "publishing events");
    publisher.compare().await?;
    // What fails from now on is another failure, and is told again.
    *silent = false;
    publisher.publish_until(stop).await
}

async fn lock(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtext('configmgt relay'), hashtext(current_schema()))")
        .fetch_one(connection)
        .await
}

struct Publisher<'relay> {
    relay: &'relay Relay,
    connection: PgConnection,
    stream: EventStream,
    /// The present life of the stream.
    epoch: String,
    /// The stream's last sequence number.
    last: u64,
    /// How many events are sent at a time, at present.
    batch: i64,
    horizon: Horizon,
    next_comparison: Instant,
}

impl<'relay> Publisher<'relay> {
    /// Publishes from now on; it has to [`Publisher::compare`] first.
    async fn open(relay: &'relay Relay, connection: PgConnection) -> Result<Self, RelayError> {
        let inbox = format!("_INBOX.{}", relay.service);
        let stream = EventStream::open(&relay.nats_url, relay.process, &inbox, relay.service, relay.keep).await?;
        Ok(Self {
            relay,
            connection,
            stream,
            epoch: String::new(),
            last: 0,
            batch: BATCH,
            horizon: Horizon::default(),
            next_comparison: Instant::now(),
        })
    }

    async fn publish_until(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), RelayError> {
        let mut poll = POLL_IDLE;
        loop {
            if Instant::now() >= self.next_comparison {
                self.compare().await?;
            }
            let published = self.publish_batch().await?;
            let stopping = *stop.borrow();
            if published {
                poll = POLL_BUSY;
                if !stopping {
                    sleep(GATHER).await;
                }
                continue;
            }
            if stopping {
                return Ok(());
            }
            tokio::select! {
                told = timeout(poll, self.relay.written.notified()) => {
                    poll = if told.is_ok() { POLL_BUSY } else { (poll * 2).min(POLL_IDLE) };
                }
                () = self.stream.lost() => return Err(RelayError::Lost),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Publishes the oldest changes that are not published. False where there are none.
    async fn publish_batch(&mut self) -> Result<bool, RelayError> {
        let Some((ids, read)) = in_time(self.unpublished()).await? else { return Ok(false) };
        let rows = in_time(self.journaled(&ids)).await?;
        if rows.len() < ids.len() {
            // They leave the outbox with the others: nobody will ever know more of them.
            warn!(service = self.relay.service, lost = ids.len() - rows.len(), "the journal lacks changes to publish");
        }
        let events: Vec<Event> = rows.into_iter().map(|row| self.event(row)).collect::<Result<_, _>>()?;
        fail::point("before-publish");
        let published = self.stream.publish(&events, &self.epoch, self.last).await;
        fail::point("after-publish");
        let failure = match published {
            Ok(stored) => {
                let end = match (stored, events.last()) {
                    (Some(last), Some(event)) => {
                        self.last = last;
                        Some(event.change.event_id)
                    }
                    // It is there already, by an earlier relay; and what else that one published, maybe.
                    (None, Some(_)) => self.stream.event_at(self.last).await?,
                    (_, None) => None,
                };
                in_time(self.mark(&ids, end)).await?;
                fail::point("after-mark");
                self.horizon.rise(&read);
                self.batch = (self.batch * 2).min(BATCH);
                return Ok(true);
            }
            Err(failure) => failure,
        };
        // Some of them may be in the stream already, published by an earlier relay that could not mark them. The server tells
        // for one at a time.
        self.batch = 1;
        let end = self.stream.position().await?.last;
        if events.len() == 1 && end == self.last {
            return Err(failure.into());
        }
        self.last = end;
        Ok(true)
    }

    /// The lowest ids of the outbox, if there are any.
    async fn unpublished(&mut self) -> sqlx::Result<Option<(Vec<i64>, Read)>> {
        let lowest = sqlx::query_as(
            "SELECT ARRAY(SELECT journal_id FROM outbox WHERE journal_id > $1 ORDER BY journal_id LIMIT $2),
                    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
                    pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
        );
        let lowest = lowest.bind(self.horizon.id).bind(self.batch).fetch_one(&mut self.connection);
        let (ids, running, upcoming): (Vec<i64>, i64, i64) = lowest.await?;
        let last = ids.last().copied();
        Ok(last.map(|last| (ids, Read { last, running, upcoming })))
    }

    async fn journaled(&mut self, ids: &[i64]) -> sqlx::Result<Vec<Row>> {
        let rows = sqlx::query_as("SELECT * FROM journal WHERE id = ANY ($1) ORDER BY id");
        rows.bind(ids).fetch_all(&mut self.connection).await
    }

    fn event(&self, row: Row) -> Result<Event, ShowError> {
        let traceparent = row.traceparent.clone();
        let change = row.show(self.relay.objects)?;
        Ok(Event { service: self.relay.service.to_owned(), change, traceparent })
    }

    /// Takes what is in the stream out of the outbox, and remembers that the stream ends with the event `end`.
    async fn mark(&mut self, ids: &[i64], end: Option<Uuid>) -> sqlx::Result<()> {
        sqlx::query(
            "WITH published AS (DELETE FROM outbox WHERE journal_id = ANY ($1))
             UPDATE relay_state SET sequence = $2, event_id = $3 WHERE $3 IS NOT NULL",
        )
        .bind(ids)
        .bind(i64::try_from(self.last).unwrap_or(i64::MAX))
        .bind(end)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }
}

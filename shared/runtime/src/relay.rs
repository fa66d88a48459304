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
use sqlx::{
    ConnectOptions, Connection, FromRow, PgConnection, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::{
    fail,
    history::{Row, ShowError},
    journal::Object,
};

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

/// Changes of which one commits late can stand in the stream in another order than in the journal, but not further apart than
/// this: no transaction lasts as long.
const LATE: Duration = Duration::from_mins(2);

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
    let mut connection = relay.database.clone().options(SESSION).connect().await?;
    while !lock(&mut connection).await? {
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
    let inbox = format!("_INBOX.{}", relay.service);
    let stream = EventStream::open(&relay.nats_url, relay.process, &inbox, relay.service, relay.keep).await?;
    info!(service = relay.service, "publishing events");
    let mut publisher = Publisher {
        relay,
        connection,
        stream,
        epoch: String::new(),
        last: 0,
        batch: BATCH,
        horizon: Horizon::default(),
    };
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
}

/// From where on the outbox is read: what lies below has been published and taken away, but the index still leads there until the
/// table is vacuumed.
///
/// A change can commit after others that came to their ids later, so the last id that was read is no such place. But whoever came to
/// its id before a read had begun its transaction by then: once all transactions of that moment have ended, nothing comes any more
/// at or below the ids that the read found.
#[derive(Default)]
struct Horizon {
    /// Nothing can be at or below this id.
    id: i64,
    /// The last id of an earlier read, and the first transaction that had not begun then.
    next: Option<(i64, i64)>,
}

/// The last id of a read, and of its snapshot the first transaction that has not ended and the first that has not begun.
struct Read {
    last: i64,
    running: i64,
    upcoming: i64,
}

impl Horizon {
    /// After everything that a read found was published and taken away.
    fn rise(&mut self, Read { last, running, upcoming }: &Read) {
        if let Some((id, ended)) = self.next
            && *running >= ended
        {
            // This read has seen all that there will ever be at or below that id; what lay beyond its limit lies above its last id.
            self.id = id.min(*last);
            self.next = None;
        }
        self.next.get_or_insert((*last, *upcoming));
    }
}

impl Publisher<'_> {
    async fn publish_until(&mut self, stop: &mut watch::Receiver<bool>) -> Result<(), RelayError> {
        let mut compared = Instant::now();
        let mut poll = POLL_IDLE;
        loop {
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
            if compared.elapsed() > COMPARE {
                self.compare().await?;
                compared = Instant::now();
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
        let (rows, read) = self.unpublished().await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let Some(read) = read.last() else { return Ok(false) };
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let events: Vec<Event> = rows.into_iter().map(|row| self.event(row)).collect::<Result<_, _>>()?;
        fail::point("before-publish");
        let published = self.stream.publish(&events, &self.epoch, self.last).await;
        fail::point("after-publish");
        let failure = match published {
            Ok(stored) => {
                let stored = stored.zip(events.last()).map(|(last, event)| (last, event.change.event_id));
                self.mark(&ids, stored).await?;
                fail::point("after-mark");
                self.horizon.rise(read);
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

    async fn unpublished(&mut self) -> sqlx::Result<Vec<(Row, Read)>> {
        let rows = sqlx::query(
            "SELECT j.*, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS running,
                    pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS upcoming
             FROM journal j
             WHERE j.id = ANY (ARRAY(SELECT journal_id FROM outbox WHERE journal_id > $1 ORDER BY journal_id LIMIT $2))
             ORDER BY j.id",
        );
        let rows = rows.bind(self.horizon.id).bind(self.batch).fetch_all(&mut self.connection).await?;
        let read = |row: &PgRow| {
            let read =
                Read { last: row.try_get("id")?, running: row.try_get("running")?, upcoming: row.try_get("upcoming")? };
            Ok((Row::from_row(row)?, read))
        };
        rows.iter().map(read).collect()
    }

    fn event(&self, row: Row) -> Result<Event, ShowError> {
        let traceparent = row.traceparent.clone();
        let change = row.show(self.relay.objects)?;
        Ok(Event { service: self.relay.service.to_owned(), change, traceparent })
    }

    /// Takes what is in the stream out of the outbox, and remembers where the stream ends.
    async fn mark(&mut self, ids: &[i64], stored: Option<(u64, Uuid)>) -> sqlx::Result<()> {
        if let Some((last, _)) = stored {
            self.last = last;
        }
        sqlx::query(
            "WITH published AS (DELETE FROM outbox WHERE journal_id = ANY ($1))
             UPDATE relay_state SET sequence = $2, event_id = $3 WHERE $3 IS NOT NULL",
        )
        .bind(ids)
        .bind(i64::try_from(self.last).unwrap_or(i64::MAX))
        .bind(stored.map(|(_, event_id)| event_id))
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Compares the stream with the journal, and puts back into the outbox what the stream has lost.
    async fn compare(&mut self) -> Result<(), RelayError> {
        let position = self.stream.position().await?;
        self.last = position.last;
        self.epoch.clone_from(&position.epoch);
        let known: Option<(String, i64, Option<Uuid>)> =
            sqlx::query_as("SELECT epoch, sequence, event_id FROM relay_state")
                .fetch_optional(&mut self.connection)
                .await?;
        let Some((epoch, sequence, event_id)) = known else {
            // Whatever the stream holds, it is not of this database.
            return self.publish_all_again(position.messages > 0).await;
        };
        let sequence = u64::try_from(sequence).unwrap_or(0);
        if epoch != position.epoch {
            warn!(service = self.relay.service, "the stream of events is a new one: all changes are published again");
            return self.publish_all_again(position.messages > 0).await;
        }
        if position.messages > 0 && !self.is_journaled(position.last).await? {
            // The database was set back to an earlier state: what subscribers know of later changes has not happened.
            warn!(
                service = self.relay.service,
                "the stream ends with an unknown event: all changes are published again"
            );
            return self.publish_all_again(true).await;
        }
        if sequence == 0 {
            return Ok(());
        }
        let intact = sequence <= position.last
            && (position.messages == 0
                || sequence < position.first
                || self.stream.event_at(sequence).await? == event_id);
        if !intact {
            return self.publish_tail_again(position.last).await;
        }
        if self.head_is_lost(position.first, position.messages).await? {
            warn!(service = self.relay.service, "the stream of events was emptied: all changes are published again");
            return self.publish_all_again(true).await;
        }
        Ok(())
    }

    /// Whether the journal knows the event at `sequence`.
    async fn is_journaled(&mut self, sequence: u64) -> Result<bool, RelayError> {
        let event_id = self.stream.event_at(sequence).await?;
        let known = sqlx::query_scalar("SELECT EXISTS (SELECT FROM journal WHERE event_id = $1)");
        Ok(known.bind(event_id).fetch_one(&mut self.connection).await?)
    }

    /// The stream ends earlier than it did. What came behind its end, and shortly before it, is published again.
    async fn publish_tail_again(&mut self, last: u64) -> Result<(), RelayError> {
        warn!(service = self.relay.service, last, "the stream of events lost its end: its changes are published again");
        let event_id = if last > 0 { self.stream.event_at(last).await? } else { None };
        self.epoch = self.stream.renew().await?;
        self.enqueue(event_id.map(|event_id| (last, event_id))).await
    }

    /// Everything that the stream should hold is published again, in the journal's order, into an empty stream.
    async fn publish_all_again(&mut self, replace: bool) -> Result<(), RelayError> {
        if replace {
            self.epoch = self.stream.replace().await?;
            self.last = 0;
        }
        self.enqueue(None).await
    }

    /// Puts the changes behind the event at the stream's `end` into the outbox, or all that the stream would keep.
    async fn enqueue(&mut self, end: Option<(u64, Uuid)>) -> Result<(), RelayError> {
        let (sequence, after) = end.unzip();
        let mut transaction = self.connection.begin().await?;
        let enqueued = sqlx::query(
            "INSERT INTO outbox SELECT id FROM journal
             WHERE occurred_at > now() - make_interval(secs => $1)
               AND occurred_at > coalesce((SELECT occurred_at FROM journal WHERE event_id = $2), '-infinity')
                                 - make_interval(secs => $3)
             ON CONFLICT DO NOTHING",
        )
        .bind(self.relay.keep.as_secs_f64())
        .bind(after)
        .bind(LATE.as_secs_f64())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO relay_state (epoch, sequence, event_id) VALUES ($1, $2, $3)
             ON CONFLICT (one) DO UPDATE SET epoch = $1, sequence = $2, event_id = $3",
        )
        .bind(&self.epoch)
        .bind(i64::try_from(sequence.unwrap_or(0)).unwrap_or(i64::MAX))
        .bind(after)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.horizon = Horizon::default();
        info!(service = self.relay.service, changes = enqueued.rows_affected(), "changes to publish again");
        Ok(())
    }

    /// Whether published changes that the stream should still keep stand before its first event.
    async fn head_is_lost(&mut self, first: u64, messages: u64) -> Result<bool, RelayError> {
        let first = if messages > 0 { self.stream.event_at(first).await? } else { None };
        if messages > 0 && first.is_none() {
            return Ok(false);
        }
        let lost = sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT FROM journal j
                 WHERE j.occurred_at > now() - make_interval(secs => $1)
                   AND j.occurred_at < coalesce((SELECT occurred_at FROM journal WHERE event_id = $2), 'infinity')
                                       - make_interval(secs => $3)
                   AND j.occurred_at < now() - make_interval(secs => $3)
                   AND NOT EXISTS (SELECT FROM outbox o WHERE o.journal_id = j.id))",
        )
        .bind((self.relay.keep.as_secs_f64() - LATE.as_secs_f64()).max(0.0))
        .bind(first)
        .bind(if messages > 0 { LATE.as_secs_f64() } else { 0.0 })
        .fetch_one(&mut self.connection)
        .await?;
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_rises_when_all_have_ended_who_could_have_come_below_it() {
        let mut horizon = Horizon::default();
        let mut read = |last, running, upcoming| {
            horizon.rise(&Read { last, running, upcoming });
            horizon.id
        };
        // Transaction 7 is under way and may have come to an id below 10.
        assert_eq!(read(10, 7, 9), 0);
        assert_eq!(read(20, 7, 12), 0);
        assert_eq!(read(30, 8, 15), 0);
        // Those before 9 have ended; what they left up to 10 is read by now.
        assert_eq!(read(40, 9, 18), 10);
        assert_eq!(read(50, 17, 30), 10);
        assert_eq!(read(60, 18, 31), 40);
    }

    #[test]
    fn the_horizon_stays_below_what_a_read_left_for_the_next_one() {
        let mut horizon = Horizon::default();
        horizon.rise(&Read { last: 10, running: 7, upcoming: 9 });
        horizon.rise(&Read { last: 4, running: 9, upcoming: 9 });
        assert_eq!(horizon.id, 4);
    }
}

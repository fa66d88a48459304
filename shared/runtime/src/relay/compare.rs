//! Comparing the stream with the journal: what the stream has lost is put back into the outbox.
//!
//! The journal forgets a change by the change's age, the stream an event by the time since it was stored. An event that was
//! published late, or again, so outlives its row of the journal: a row that is missing says nothing by itself.

use std::time::Duration;

use configmgt_contract::LONGEST_WRITE;
use sqlx::Connection;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use super::{COMPARE, Publisher, RelayError, horizon::Horizon};

/// Changes of which one commits late can stand in the stream in another order than in the journal, but not further apart than
/// this: a change has the time when it was made, and is committed at the end of its write.
const LATE: Duration = LONGEST_WRITE.saturating_add(Duration::from_mins(1));

impl Publisher<'_> {
    /// Compares the stream with the journal, and puts back into the outbox what the stream has lost.
    pub(super) async fn compare(&mut self) -> Result<(), RelayError> {
        self.next_comparison = Instant::now() + COMPARE;
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
        if position.messages > 0 && !self.is_known(position.last, event_id).await? {
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

    /// Whether the event at `sequence`, the stream's last one, is of this database: it is the one that the stream was left with,
    /// `left`, or came behind that, published by a relay that died before it could mark it. Then its change is still in the outbox,
    /// and so in the journal.
    async fn is_known(&mut self, sequence: u64, left: Option<Uuid>) -> Result<bool, RelayError> {
        let event_id = self.stream.event_at(sequence).await?;
        // One that is gone by now was too old.
        if event_id.is_none() || event_id == left {
            return Ok(true);
        }
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
    pub(super) async fn enqueue(&mut self, end: Option<(u64, Uuid)>) -> Result<(), RelayError> {
        let (sequence, after) = end.unzip();
        let mut transaction = self.connection.begin().await?;
        // Until it is committed, nobody else sees what must not be forgotten any more.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('configmgt journal'), hashtext(current_schema()))")
            .execute(&mut *transaction)
            .await?;
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

    /// Whether published changes that the stream should still keep stand before its first event. Where the journal has forgotten
    /// that one, it has forgotten all that came before it.
    async fn head_is_lost(&mut self, first: u64, messages: u64) -> Result<bool, RelayError> {
        let first = if messages > 0 { self.stream.event_at(first).await? } else { None };
        if messages > 0 && first.is_none() {
            return Ok(false);
        }
        let lost = sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT FROM journal j
                 WHERE j.occurred_at > now() - make_interval(secs => $1)
                   AND ($2 IS NULL OR j.occurred_at < (SELECT occurred_at FROM journal WHERE event_id = $2)
                                                      - make_interval(secs => $3))
                   AND NOT EXISTS (SELECT FROM outbox o WHERE o.journal_id = j.id))",
        )
        .bind((self.relay.keep.as_secs_f64() - LATE.as_secs_f64()).max(0.0))
        .bind(first)
        .bind(LATE.as_secs_f64())
        .fetch_one(&mut self.connection)
        .await?;
        Ok(lost)
    }
}

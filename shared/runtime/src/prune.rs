//! Forgets what is older than it need be kept.

use std::time::Duration;

use configmgt_process::settings::{self, SettingError};
use sqlx::{PgConnection, postgres::types::PgInterval};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::connections::Connections;

const DAY: Duration = Duration::from_hours(24);

/// How often something is forgotten.
const EVERY: Duration = Duration::from_mins(10);

/// How many rows go at a time, so that no statement takes long.
const BATCH: i32 = 5_000;

/// A key that the edge made serves only its own repetitions of one request.
const EDGE_KEYS: Duration = Duration::from_mins(10);

/// How long is kept what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Published changes, in the journal and in the stream.
    pub(crate) journal: Duration,
    /// Answers to writes whose clients gave them a key.
    pub(crate) idempotency: Duration,
}

impl Keep {
    /// What `JOURNAL_RETENTION_DAYS` and `IDEMPOTENCY_RETENTION_HOURS` say.
    pub(crate) fn from_settings() -> Result<Self, SettingError> {
        let days = settings::within("JOURNAL_RETENTION_DAYS", 7, 1..=3650)?;
        let hours = settings::within("IDEMPOTENCY_RETENTION_HOURS", 24, 1..=8760)?;
        Ok(Self { journal: DAY * days, idempotency: Duration::from_hours(u64::from(hours)) })
    }
}

/// Goes on until it is aborted. Several instances at once do no harm.
pub(crate) async fn run(connections: Connections, keep: Keep) {
    loop {
        sleep(EVERY).await;
        match once(&connections, keep).await {
            Ok((0, 0)) => {}
            Ok((changes, keys)) => info!(changes, keys, "forgot what is old"),
            Err(error) => warn!(%error, "what is old could not be forgotten"),
        }
    }
}

/// Forgets all that is too old; gives how many changes and keys that were.
pub(crate) async fn once(connections: &Connections, keep: Keep) -> sqlx::Result<(i64, u64)> {
    let mut connection = connections.lend().await?;
    let forgotten = forget(&mut connection, keep).await;
    connection.done(forgotten)
}

async fn forget(connection: &mut PgConnection, keep: Keep) -> sqlx::Result<(i64, u64)> {
    let mut changes = 0;
    loop {
        let pruned: i64 = sqlx::query_scalar("SELECT prune_journal($1, $2)")
            .bind(interval(keep.journal))
            .bind(BATCH)
            .fetch_one(&mut *connection)
            .await?;
        changes += pruned;
        if pruned < i64::from(BATCH) {
            break;
        }
    }
    let keys = sqlx::query(
        "DELETE FROM idempotency WHERE occurred_at < now() - $1::interval
             OR (occurred_at < now() - $2::interval AND key LIKE 'edge/%')",
    )
    .bind(interval(keep.idempotency))
    .bind(interval(EDGE_KEYS))
    .execute(connection)
    .await?;
    Ok((changes, keys.rows_affected()))
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use configmgt_stack::databases::Database;
    use sqlx::PgPool;

    use super::*;

    #[tokio::test]
    async fn keys_are_forgotten_after_their_time_and_the_edges_own_sooner() {
        let database = Database::create().await.unwrap();
        let pool = PgPool::connect_with(database.of_service("meetingroom")).await.unwrap();
        let connections = Connections::new(database.of_service("meetingroom"));
        for (key, minutes) in [("client/new", 0), ("client/old", 61), ("edge/new", 5), ("edge/old", 15)] {
            sqlx::query(
                "INSERT INTO idempotency (actor, key, fingerprint, occurred_at)
                 VALUES ('somebody', $1, '', now() - make_interval(mins => $2))",
            )
            .bind(key)
            .bind(minutes)
            .execute(&pool)
            .await
            .unwrap();
        }
        let keep = Keep { journal: DAY, idempotency: Duration::from_hours(1) };
        assert_eq!(once(&connections, keep).await.unwrap(), (0, 2));
        let left: Vec<String> =
            sqlx::query_scalar("SELECT key FROM idempotency ORDER BY key").fetch_all(&pool).await.unwrap();
        assert_eq!(left, ["client/new", "edge/new"]);
    }

    #[tokio::test]
    async fn more_changes_than_go_at_a_time_are_forgotten_all() {
        let database = Database::create().await.unwrap();
        let pool = PgPool::connect_with(database.of_service("meetingroom")).await.unwrap();
        let connections = Connections::new(database.of_service("meetingroom"));
        let changes = i64::from(BATCH) * 2 + 1;
        sqlx::query(
            "INSERT INTO meetingroom (name, display_name, number) SELECT i, 'A', i FROM generate_series(1, $1) i",
        )
        .bind(changes)
        .execute(&pool)
        .await
        .unwrap();
        let keep = Keep { journal: Duration::ZERO, idempotency: DAY };
        assert_eq!(once(&connections, keep).await.unwrap(), (0, 0));
        sqlx::query("DELETE FROM outbox").execute(&pool).await.unwrap();
        assert_eq!(once(&connections, keep).await.unwrap(), (changes, 0));
    }
}

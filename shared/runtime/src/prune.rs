//! Forgets what is older than it need be kept.

use std::time::Duration;

use configmgt_process::settings::{self, SettingError};
use sqlx::PgConnection;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    connections::{Connections, in_time},
    database::interval,
};

const DAY: Duration = Duration::from_hours(24);

/// How often something is forgotten.
const EVERY: Duration = Duration::from_mins(10);

/// How many rows go at a time, so that no statement takes long.
const BATCH: i32 = 5_000;

/// What forgets a batch of what is older than `$1`, at most `$2` rows, and answers how many these were.
const CHANGES: &str = "SELECT prune_journal($1, $2)";
const KEYS_OF_EDGE: &str = "
    WITH forgotten AS (
        DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency WHERE key LIKE 'edge/%' AND occurred_at < now() - $1::interval
            ORDER BY occurred_at LIMIT $2))
        RETURNING 1)
    SELECT count(*) FROM forgotten";
const KEYS_OF_CLIENTS: &str = "
    WITH forgotten AS (
        DELETE FROM idempotency WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM idempotency WHERE key NOT LIKE 'edge/%' AND occurred_at < now() - $1::interval
            ORDER BY occurred_at LIMIT $2))
        RETURNING 1)
    SELECT count(*) FROM forgotten";

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
pub(crate) async fn once(connections: &Connections, keep: Keep) -> sqlx::Result<(i64, i64)> {
    let mut connection = connections.lend().await?;
    let forgotten = forget_all(&mut connection, keep).await;
    connection.done(forgotten)
}

async fn forget_all(connection: &mut PgConnection, keep: Keep) -> sqlx::Result<(i64, i64)> {
    let changes = forget(connection, CHANGES, keep.journal).await?;
    let of_edge = forget(connection, KEYS_OF_EDGE, EDGE_KEYS).await?;
    let of_clients = forget(connection, KEYS_OF_CLIENTS, keep.idempotency).await?;
    Ok((changes, of_edge + of_clients))
}

/// Forgets, batch by batch, what is older than `keep`.
async fn forget(connection: &mut PgConnection, batch: &'static str, keep: Duration) -> sqlx::Result<i64> {
    let mut forgotten = 0;
    loop {
        let gone = sqlx::query_scalar(batch).bind(interval(keep)).bind(BATCH).fetch_one(&mut *connection);
        let gone: i64 = in_time(gone).await?;
        forgotten += gone;
        if gone < i64::from(BATCH) {
            return Ok(forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use configmgt_stack::databases::Database;
    use sqlx::{AssertSqlSafe, PgPool};

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
    async fn keys_are_forgotten_in_statements_that_do_not_take_long() {
        let database = Database::create().await.unwrap();
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        let (of_edge, of_clients) = (i64::from(BATCH) * 2 + 1, i64::from(BATCH) + 2);
        sqlx::raw_sql(AssertSqlSafe(format!(
            "SET search_path TO meetingroom;
             INSERT INTO idempotency (actor, key, fingerprint, occurred_at)
             SELECT 'somebody', 'edge/' || i, '', now() - interval '1 hour' FROM generate_series(1, {of_edge}) i;
             INSERT INTO idempotency (actor, key, fingerprint, occurred_at)
             SELECT 'somebody', 'client/' || i, '', now() - interval '2 days' FROM generate_series(1, {of_clients}) i;
             CREATE TABLE statement (forgot bigint NOT NULL);
             CREATE FUNCTION count_forgotten() RETURNS trigger
             LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
             BEGIN
                 INSERT INTO statement SELECT count(*) FROM forgotten;
                 RETURN NULL;
             END
             $$;
             CREATE TRIGGER count_forgotten AFTER DELETE ON idempotency
             REFERENCING OLD TABLE AS forgotten FOR EACH STATEMENT EXECUTE FUNCTION count_forgotten()"
        )))
        .execute(&owner)
        .await
        .unwrap();
        let connections = Connections::new(database.of_service("meetingroom"));
        let keep = Keep { journal: DAY, idempotency: DAY };
        assert_eq!(once(&connections, keep).await.unwrap(), (0, of_edge + of_clients));
        let most: i64 =
            sqlx::query_scalar("SELECT max(forgot) FROM meetingroom.statement").fetch_one(&owner).await.unwrap();
        assert_eq!(most, i64::from(BATCH));
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

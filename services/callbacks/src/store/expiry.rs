use std::time::Duration;

use configmgt_runtime::database::interval;
use sqlx::PgConnection;
use tracing::instrument;

/// Frees at most so many open requests that were taken longer ago; gives how many that were. Those that somebody is about to change
/// are left for the next time.
#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn free(connection: &mut PgConnection, held: Duration, most: i64) -> sqlx::Result<u64> {
    let free = sqlx::query!(
        "UPDATE callback_request SET agent_id = NULL, taken_at = NULL
         WHERE uuid IN (
             SELECT uuid FROM callback_request WHERE taken_at < now() - $1::interval AND NOT clotured
             LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)",
        interval(held),
        most
    );
    Ok(free.execute(connection).await?.rows_affected())
}

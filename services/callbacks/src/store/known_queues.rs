//! Which queues there are, as far as the queue-dissuasion service's events have come.

use configmgt_contract::{BoxError, events::Action, queues::Queue};
use configmgt_runtime::follow::{Apply, Followed};
use sqlx::PgConnection;
use tracing::instrument;

/// Keeps the copy. The lists of a queue that is deleted stay.
#[derive(Default)]
pub(crate) struct KnownQueues;

impl Apply<Queue> for KnownQueues {
    async fn apply(&self, connection: &mut PgConnection, event: Followed<Queue>) -> Result<(), BoxError> {
        let id: i32 = event.object_id.parse()?;
        if event.action == Action::Deleted {
            delete(connection, id).await?;
        } else {
            insert(connection, id).await?;
        }
        Ok(())
    }
}

#[instrument(level = "debug", name = "SELECT known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn exists(connection: &mut PgConnection, id: i32) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM known_queue WHERE id = $1) AS "exists!""#, id);
    exists.fetch_one(connection).await
}

#[instrument(level = "debug", name = "INSERT known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO known_queue (id) VALUES ($1) ON CONFLICT DO NOTHING", id).execute(connection).await?;
    Ok(())
}

#[instrument(level = "debug", name = "DELETE known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM known_queue WHERE id = $1", id).execute(connection).await?;
    Ok(())
}

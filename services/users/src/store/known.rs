//! Which queues and agents there are, and what numbers and groups they have, as far as the queue-dissuasion service's events have come.

use configmgt_contract::{BoxError, agents::Agent, queues::Queue};
use configmgt_runtime::follow::{Apply, Followed};
use sqlx::PgConnection;
use tracing::instrument;

/// Keeps the copy of the queues.
#[derive(Default)]
pub(crate) struct KnownQueues;

/// Keeps the copy of the agents.
#[derive(Default)]
pub(crate) struct KnownAgents;

impl Apply<Queue> for KnownQueues {
    async fn apply(&self, connection: &mut PgConnection, event: Followed<Queue>) -> Result<(), BoxError> {
        match event.after {
            Some(queue) => set_queue(connection, &queue).await?,
            None => delete_queue(connection, event.object_id.parse()?).await?,
        }
        Ok(())
    }
}

impl Apply<Agent> for KnownAgents {
    async fn apply(&self, connection: &mut PgConnection, event: Followed<Agent>) -> Result<(), BoxError> {
        match event.after {
            Some(agent) => set_agent(connection, &agent).await?,
            None => delete_agent(connection, event.object_id.parse()?).await?,
        }
        Ok(())
    }
}

// Copies have no versions, so nothing stands against putting and replacing in one statement.
#[instrument(level = "debug", name = "INSERT known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn set_queue(connection: &mut PgConnection, Queue { id, number, .. }: &Queue) -> sqlx::Result<()> {
    let set = sqlx::query!(
        "INSERT INTO known_queue (id, number) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET number = $2",
        id,
        number.as_deref()
    );
    set.execute(connection).await.map(|_| ())
}

#[instrument(level = "debug", name = "DELETE known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete_queue(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM known_queue WHERE id = $1", id).execute(connection).await.map(|_| ())
}

#[instrument(level = "debug", name = "INSERT known_agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn set_agent(connection: &mut PgConnection, Agent { id, numgroup, .. }: &Agent) -> sqlx::Result<()> {
    let set = sqlx::query!(
        "INSERT INTO known_agent (id, numgroup) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET numgroup = $2",
        id,
        numgroup
    );
    set.execute(connection).await.map(|_| ())
}

#[instrument(level = "debug", name = "DELETE known_agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete_agent(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM known_agent WHERE id = $1", id).execute(connection).await.map(|_| ())
}

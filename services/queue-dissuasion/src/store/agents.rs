use configmgt_contract::{
    Versioned,
    agents::{Agent, Membership},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `agent`.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) id: i32,
    firstname: String,
    lastname: String,
    number: String,
    context: String,
    numgroup: i32,
    user_id: Option<i32>,
    queue_ids: Vec<i32>,
    penalties: Vec<i32>,
    positions: Vec<i32>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for Agent {
    fn from(row: Row) -> Self {
        let Row { id, firstname, lastname, number, context, numgroup, user_id: userid, .. } = row;
        let places = row.queue_ids.into_iter().zip(row.penalties).zip(row.positions);
        let queues = places.map(|((queue_id, penalty), position)| Membership { queue_id, penalty, position }).collect();
        Self { id, firstname, lastname, number, context, numgroup, userid, queues }
    }
}

impl From<Row> for Versioned<Agent> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows an agent.
pub(crate) const OBJECT: Object = Object {
    name: "agent",
    table: "agent",
    key: "id",
    columns: "id, firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions",
    secrets: &[],
    show: show::<Row, Agent>,
};

/// What an agent is made of, beside what it is given here.
pub(crate) struct NewAgent {
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) number: String,
    pub(crate) context: String,
    pub(crate) numgroup: i32,
    pub(crate) user_id: Option<i32>,
    pub(crate) queues: Vec<Membership>,
}

impl NewAgent {
    /// The queues with penalties and positions, as the table has them.
    fn columns(&self) -> [Vec<i32>; 3] {
        let Self { queues, .. } = self;
        [
            queues.iter().map(|membership| membership.queue_id).collect(),
            queues.iter().map(|membership| membership.penalty).collect(),
            queues.iter().map(|membership| membership.position).collect(),
        ]
    }
}

/// Agents by their ids.
pub(crate) type AgentLookup = Lookup<i32, Versioned<Agent>>;

pub(crate) fn lookup(connections: &Connections) -> AgentLookup {
    Lookup::new(connections, "SELECT agent", |connection, ids| by_ids(connection, ids).boxed())
}

/// The agents with these ids, for an [`AgentLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, Versioned<Agent>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions, version
         FROM agent WHERE id = ANY ($1)",
        &ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A batch of the agents whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: i32) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions, version
         FROM agent WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// An agent in no queue.
pub(crate) struct IdleRow {
    pub(crate) id: i32,
    pub(crate) number: String,
}

/// A batch of the agents in no queue whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn in_no_queue_above(connections: Connections, after: i32) -> sqlx::Result<Vec<IdleRow>> {
    let rows = sqlx::query_as!(
        IdleRow,
        "SELECT id, number FROM agent WHERE id > $1 AND queue_ids = '{}' ORDER BY id LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

#[instrument(level = "debug", name = "INSERT agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(connection: &mut PgConnection, agent: &NewAgent) -> sqlx::Result<Versioned<Agent>> {
    let [queue_ids, penalties, positions] = agent.columns();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO agent (firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         RETURNING
             id, firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions, version",
        agent.firstname,
        agent.lastname,
        agent.number,
        agent.context,
        agent.numgroup,
        agent.user_id,
        &queue_ids,
        &penalties,
        &positions
    );
    Ok(row.fetch_one(connection).await?.into())
}

/// None where there is no such agent.
#[instrument(level = "debug", name = "UPDATE agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: i32,
    agent: &NewAgent,
) -> sqlx::Result<Option<Versioned<Agent>>> {
    let [queue_ids, penalties, positions] = agent.columns();
    let row = sqlx::query_as!(
        Row,
        "UPDATE agent SET
             firstname = $2, lastname = $3, number = $4, context = $5, numgroup = $6, user_id = $7, queue_ids = $8,
             penalties = $9, positions = $10
         WHERE id = $1
         RETURNING
             id, firstname, lastname, number, context, numgroup, user_id, queue_ids, penalties, positions, version",
        id,
        agent.firstname,
        agent.lastname,
        agent.number,
        agent.context,
        agent.numgroup,
        agent.user_id,
        &queue_ids,
        &penalties,
        &positions
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Whether there was one.
#[instrument(level = "debug", name = "DELETE agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM agent WHERE id = $1", id).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

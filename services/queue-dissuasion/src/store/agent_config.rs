use configmgt_contract::{
    Versioned,
    agent_config::{AgentConfig, QueueMember},
};
use configmgt_runtime::{
    connections::Connections,
    listing::BATCH,
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `agent` with the names of its queues.
pub(crate) struct Row {
    pub(crate) id: i32,
    firstname: String,
    lastname: String,
    number: String,
    context: String,
    numgroup: i32,
    user_id: Option<i32>,
    queue_ids: Vec<i32>,
    /// In the order of `queue_ids`. None is missing: the database keeps an agent's queues valid.
    queue_names: Vec<String>,
    penalties: Vec<i32>,
    positions: Vec<i32>,
    version: i64,
}

impl From<Row> for AgentConfig {
    fn from(row: Row) -> Self {
        let Row { id, firstname, lastname, number, context, numgroup, user_id: userid, .. } = row;
        let queues = row.queue_ids.into_iter().zip(row.queue_names);
        let places = queues.zip(row.penalties.into_iter().zip(row.positions));
        let member = places.map(|((queue_id, queue_name), (penalty, position))| QueueMember {
            queue_name,
            queue_id,
            interface: format!("Agent/{number}"),
            penalty,
            commented: 0,
            usertype: "Agent".to_owned(),
            userid: id,
            channel: "Agent".to_owned(),
            category: "Queue".to_owned(),
            position,
        });
        let member = member.collect();
        Self { id, firstname, lastname, number, context, member, numgroup, userid }
    }
}

impl From<Row> for Versioned<AgentConfig> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// Agents with the names of their queues by the agents' ids.
pub(crate) type AgentConfigLookup = Lookup<i32, Versioned<AgentConfig>>;

pub(crate) fn lookup(connections: &Connections) -> AgentConfigLookup {
    Lookup::new(connections, "SELECT agent", |connection, ids| by_ids(connection, ids).boxed())
}

/// The agents with these ids, for an [`AgentConfigLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, Versioned<AgentConfig>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, firstname, lastname, number, context, numgroup, user_id, queue_ids,
                  ARRAY(SELECT q.name FROM unnest(queue_ids) WITH ORDINALITY AS m (id, place) JOIN queue q USING (id)
                        ORDER BY place) AS "queue_names!",
                  penalties, positions, version
           FROM agent WHERE id = ANY ($1)"#,
        &ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A batch of the agents whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT agent", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: i32) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, firstname, lastname, number, context, numgroup, user_id, queue_ids,
                  ARRAY(SELECT q.name FROM unnest(queue_ids) WITH ORDINALITY AS m (id, place) JOIN queue q USING (id)
                        ORDER BY place) AS "queue_names!",
                  penalties, positions, version
           FROM agent WHERE id > $1 ORDER BY id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

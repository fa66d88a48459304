use configmgt_contract::{Versioned, queues::Queue};
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

/// A row of the table `queue`.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) id: i32,
    name: String,
    display_name: String,
    number: Option<String>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for Queue {
    fn from(Row { id, name, display_name, number, version: _ }: Row) -> Self {
        Self { id, name, display_name, number }
    }
}

impl From<Row> for Versioned<Queue> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows a queue.
pub(crate) const OBJECT: Object = Object {
    name: "queue",
    table: "queue",
    key: "id",
    columns: "id, name, display_name, number",
    secrets: &[],
    show: show::<Row, Queue>,
};

/// What a queue is made of, beside what it is given here.
pub(crate) struct NewQueue {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) number: Option<String>,
}

/// Queues by their ids.
pub(crate) type QueueLookup = Lookup<i32, Versioned<Queue>>;

pub(crate) fn lookup(connections: &Connections) -> QueueLookup {
    Lookup::new(connections, "SELECT queue", |connection, ids| by_ids(connection, ids).boxed())
}

/// The queues with these ids, for a [`QueueLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, Versioned<Queue>> {
    let rows =
        sqlx::query_as!(Row, "SELECT id, name, display_name, number, version FROM queue WHERE id = ANY ($1)", &ids);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A batch of the queues whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: i32) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, display_name, number, version FROM queue WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// Those of the names that a queue has.
#[instrument(level = "debug", name = "SELECT queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn existing(connections: &Connections, names: &[String]) -> sqlx::Result<Vec<String>> {
    let known = sqlx::query_scalar!("SELECT name FROM queue WHERE name = ANY ($1)", names);
    let mut connection = connections.lend().await?;
    let known = known.fetch_all(&mut *connection).await;
    connection.done(known)
}

#[instrument(level = "debug", name = "INSERT queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(connection: &mut PgConnection, queue: &NewQueue) -> sqlx::Result<Versioned<Queue>> {
    let NewQueue { name, display_name, number } = queue;
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO queue (name, display_name, number) VALUES ($1, $2, $3)
         RETURNING id, name, display_name, number, version",
        name,
        display_name,
        number.as_deref()
    );
    Ok(row.fetch_one(connection).await?.into())
}

/// None where there is no such queue.
#[instrument(level = "debug", name = "UPDATE queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: i32,
    queue: &NewQueue,
) -> sqlx::Result<Option<Versioned<Queue>>> {
    let NewQueue { name, display_name, number } = queue;
    let row = sqlx::query_as!(
        Row,
        "UPDATE queue SET name = $2, display_name = $3, number = $4 WHERE id = $1
         RETURNING id, name, display_name, number, version",
        id,
        name,
        display_name,
        number.as_deref()
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Deletes the queue and what hangs on it, and says whether there was one.
#[instrument(level = "debug", name = "DELETE queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM queue WHERE id = $1", id).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

use configmgt_contract::callback_lists::ListState;
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
};
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;
use uuid::Uuid;

/// A row of the table `callback_list`.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) uuid: Uuid,
    name: String,
    queue_id: i32,
}

impl From<Row> for ListState {
    fn from(Row { uuid, name, queue_id }: Row) -> Self {
        Self { uuid, name, queue_id }
    }
}

/// How the journal shows a list.
pub(crate) const OBJECT: Object = Object {
    name: "callback_list",
    table: "callback_list",
    key: "uuid",
    columns: "uuid, name, queue_id",
    secrets: &[],
    show: show::<Row, ListState>,
};

/// How many requests or tickets of a list are deleted at a time, so that no statement takes long.
const DELETED: i64 = 5_000;

/// A batch of the lists whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: &Connections, after: Uuid) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT uuid, name, queue_id FROM callback_list WHERE uuid > $1 ORDER BY uuid LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// None where there is no such queue.
#[instrument(level = "debug", name = "INSERT callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    name: &str,
    queue_id: i32,
) -> sqlx::Result<Option<ListState>> {
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO callback_list (uuid, name, queue_id)
         SELECT $3, $1, id FROM known_queue WHERE id = $2
         RETURNING uuid, name, queue_id",
        name,
        queue_id,
        Uuid::now_v7()
    );
    Ok(row.fetch_optional(connection).await?.map(ListState::from))
}

/// Deletes the list and all that is in it.
pub(crate) async fn delete(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<Option<ListState>> {
    sqlx::raw_sql("SET CONSTRAINTS callback_request_list_uuid DEFERRED").execute(&mut *connection).await?;
    let Some(list) = delete_list(connection, uuid).await? else { return Ok(None) };
    while delete_tickets(connection, uuid).await? > 0 {}
    while delete_requests(connection, uuid).await? > 0 {}
    Ok(Some(list))
}

#[instrument(level = "debug", name = "DELETE callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete_list(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<Option<ListState>> {
    let row = sqlx::query_as!(Row, "DELETE FROM callback_list WHERE uuid = $1 RETURNING uuid, name, queue_id", uuid);
    Ok(row.fetch_optional(connection).await?.map(ListState::from))
}

#[instrument(level = "debug", name = "DELETE callback_ticket", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete_tickets(connection: &mut PgConnection, list: Uuid) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM callback_ticket WHERE uuid IN (SELECT uuid FROM callback_ticket WHERE list_uuid = $1 LIMIT $2)",
        list,
        DELETED
    );
    Ok(delete.execute(connection).await?.rows_affected())
}

#[instrument(level = "debug", name = "DELETE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete_requests(connection: &mut PgConnection, list: Uuid) -> sqlx::Result<u64> {
    let delete = sqlx::query!(
        "DELETE FROM callback_request WHERE uuid IN (SELECT uuid FROM callback_request WHERE list_uuid = $1 LIMIT $2)",
        list,
        DELETED
    );
    Ok(delete.execute(connection).await?.rows_affected())
}

/// The queue of a list, and whether it still is there.
pub(crate) struct OfQueue {
    pub(crate) queue_id: i32,
    pub(crate) is_known: bool,
}

/// The list's queue. The list stays until the transaction ends.
#[instrument(level = "debug", name = "SELECT callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn queue(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<Option<OfQueue>> {
    let queue = sqlx::query_as!(
        OfQueue,
        r#"SELECT queue_id, EXISTS (SELECT FROM known_queue WHERE id = queue_id) AS "is_known!"
           FROM callback_list WHERE uuid = $1 FOR KEY SHARE"#,
        uuid
    );
    queue.fetch_optional(connection).await
}

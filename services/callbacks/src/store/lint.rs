use configmgt_contract::dates::Day;
use configmgt_runtime::{connections::Connections, listing::BATCH, written::Written};
use tracing::instrument;
use uuid::Uuid;

/// A list whose queue was deleted.
pub(crate) struct OrphanRow {
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) queue_id: i32,
}

/// A batch of the lists without their queue whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn orphans_above(connections: Connections, after: Uuid) -> sqlx::Result<Vec<OrphanRow>> {
    let rows = sqlx::query_as!(
        OrphanRow,
        "SELECT uuid, name, queue_id FROM callback_list l
         WHERE uuid > $1 AND NOT EXISTS (SELECT FROM known_queue q WHERE q.id = l.queue_id) ORDER BY uuid LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// An open request.
pub(crate) struct OpenRow {
    pub(crate) uuid: Uuid,
    pub(crate) due_date: Written<Day>,
    /// An older open request of the same list with the same number.
    pub(crate) same_number: Option<Uuid>,
}

/// A batch of the open requests of all lists whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn open_above(connections: Connections, after: Uuid) -> sqlx::Result<Vec<OpenRow>> {
    let rows = sqlx::query_as!(
        OpenRow,
        r#"SELECT r.uuid, to_char(r.due_date, 'YYYY-MM-DD') AS "due_date!: Written<Day>", (
               SELECT o.uuid FROM callback_request o
               WHERE o.list_uuid = r.list_uuid AND NOT o.clotured AND o.uuid < r.uuid AND o.phone_number IS NOT NULL
                 AND dialled(o.phone_number) IN (dialled(r.phone_number), dialled(r.mobile_phone_number))
               UNION ALL
               SELECT o.uuid FROM callback_request o
               WHERE o.list_uuid = r.list_uuid AND NOT o.clotured AND o.uuid < r.uuid AND o.mobile_phone_number IS NOT NULL
                 AND dialled(o.mobile_phone_number) IN (dialled(r.phone_number), dialled(r.mobile_phone_number))
               LIMIT 1) AS same_number
           FROM (SELECT * FROM callback_request WHERE NOT clotured AND uuid > $1 ORDER BY uuid LIMIT $2) AS r
           ORDER BY r.uuid"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

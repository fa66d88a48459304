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

/// An open request whose deadline has passed.
pub(crate) struct OverdueRow {
    pub(crate) uuid: Uuid,
    pub(crate) due_date: Written<Day>,
}

/// A batch of the open requests of all lists that were due before `today`, behind this deadline and uuid.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn overdue_above(
    connections: Connections,
    today: Day,
    (due_date, uuid): (Day, Uuid),
) -> sqlx::Result<Vec<OverdueRow>> {
    let rows = sqlx::query_as!(
        OverdueRow,
        r#"SELECT uuid, to_char(due_date, 'YYYY-MM-DD') AS "due_date!: Written<Day>" FROM callback_request
           WHERE NOT clotured AND due_date < $1::text::date AND (due_date, uuid) > ($2::text::date, $3)
           ORDER BY due_date, uuid LIMIT $4"#,
        today.as_str(),
        due_date.as_str(),
        uuid,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// An open request that has the number of an older one of its list.
pub(crate) struct SameNumberRow {
    pub(crate) list_uuid: Uuid,
    /// As it is dialled.
    pub(crate) number: String,
    pub(crate) uuid: Uuid,
    /// The one before it.
    pub(crate) older: Uuid,
}

/// A batch of the open requests of all lists with the number of an older one, behind this list, number and uuid, which are those of
/// the last one found. A request that shares both of its numbers is there twice.
///
/// The two halves are ordered by themselves, so that each comes from its index and neither is sorted: all batches together are one
/// walk along both.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn same_number_above(
    connections: Connections,
    (list_uuid, number, uuid): (Uuid, String, Uuid),
) -> sqlx::Result<Vec<SameNumberRow>> {
    let rows = sqlx::query_as!(
        SameNumberRow,
        r#"SELECT list_uuid AS "list_uuid!", number AS "number!", uuid AS "uuid!", older AS "older!" FROM (
               SELECT list_uuid, number, uuid, lag(uuid) OVER (PARTITION BY list_uuid, number ORDER BY uuid) AS older
               FROM (
                   (SELECT list_uuid, dialled(phone_number) AS number, uuid FROM callback_request
                    WHERE NOT clotured AND phone_number IS NOT NULL ORDER BY 1, 2, 3)
                   UNION ALL
                   (SELECT list_uuid, dialled(mobile_phone_number), uuid FROM callback_request
                    WHERE NOT clotured AND mobile_phone_number IS NOT NULL ORDER BY 1, 2, 3)) AS called
               -- Together with the last one found, which has nothing before it here.
               WHERE (list_uuid, number, uuid) >= ($1, $2, $3)) AS found
           -- A request may have one number twice.
           WHERE older < uuid
           ORDER BY list_uuid, number, uuid LIMIT $4"#,
        list_uuid,
        number,
        uuid,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

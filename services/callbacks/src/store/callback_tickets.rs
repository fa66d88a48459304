use configmgt_contract::{
    Versioned,
    callback_requests::{Contact, Schedule},
    callback_tickets::{CallbackTicket, TicketRow, TicketStatus},
    dates::{Day, Moment},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
    written::Written,
};
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;
use uuid::Uuid;

/// A row of the table `callback_ticket`.
#[derive(Deserialize)]
struct Row {
    uuid: Uuid,
    list_uuid: Uuid,
    request_uuid: Uuid,
    agent_id: Option<i32>,
    status: Option<Written<TicketStatus>>,
    comment: Option<String>,
    due_date: Option<Written<Day>>,
    period_uuid: Option<Uuid>,
    started_at: Written<Moment>,
    updated_at: Written<Moment>,
    /// The journal keeps it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for CallbackTicket {
    fn from(row: Row) -> Self {
        Self {
            uuid: row.uuid,
            list_uuid: row.list_uuid,
            request_uuid: row.request_uuid,
            agent_id: row.agent_id,
            status: row.status.map(|Written(status)| status),
            comment: row.comment,
            due_date: row.due_date.map(|Written(day)| day),
            period_uuid: row.period_uuid,
            started: row.started_at.0,
            last_update: row.updated_at.0,
        }
    }
}

impl From<Row> for Versioned<CallbackTicket> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows a ticket.
pub(crate) const OBJECT: Object = Object {
    name: "callback_ticket",
    table: "callback_ticket",
    key: "uuid",
    columns: "uuid, list_uuid, request_uuid, agent_id, status, comment, due_date, period_uuid, started_at, updated_at",
    secrets: &[],
    show: show::<Row, CallbackTicket>,
};

/// The rows of tickets that a statement before it, named `given`, reads or changes.
macro_rules! tickets {
    ($given:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            "WITH given AS (" + $given + r#")
             SELECT uuid, list_uuid, request_uuid, agent_id, status AS "status: Written<TicketStatus>", comment,
                    to_char(due_date, 'YYYY-MM-DD') AS "due_date: Written<Day>", period_uuid,
                    to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "started_at!: Written<Moment>",
                    to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "updated_at!: Written<Moment>",
                    version
             FROM given"#,
            $($argument),+
        )
    };
}

/// What a ticket says of a call.
pub(crate) struct Said {
    pub(crate) status: Option<TicketStatus>,
    pub(crate) comment: Option<String>,
    /// To when the request was rescheduled.
    pub(crate) schedule: Option<Schedule>,
}

#[instrument(level = "debug", name = "SELECT callback_ticket", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn get(connections: &Connections, uuid: Uuid) -> sqlx::Result<Option<Versioned<CallbackTicket>>> {
    let mut connection = connections.lend().await?;
    let row = tickets!("SELECT * FROM callback_ticket WHERE uuid = $1", uuid).fetch_optional(&mut *connection).await;
    Ok(connection.done(row)?.map(Versioned::from))
}

/// None where there is no such request. Without an agent it is that of who holds the request.
#[instrument(level = "debug", name = "INSERT callback_ticket", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    request: Uuid,
    agent_id: Option<i32>,
    Said { status, comment, schedule }: &Said,
) -> sqlx::Result<Option<Versioned<CallbackTicket>>> {
    let row = tickets!(
        "INSERT INTO callback_ticket (uuid, list_uuid, request_uuid, agent_id, status, comment, due_date, period_uuid,
                                      started_at, updated_at)
         SELECT $7, r.list_uuid, r.uuid, coalesce($2, r.agent_id), $3, $4, $5::text::date, $6, now(), now()
         FROM callback_request r WHERE r.uuid = $1 FOR KEY SHARE
         RETURNING *",
        request,
        agent_id,
        status.map(TicketStatus::name),
        comment.as_deref(),
        schedule.as_ref().map(|schedule| schedule.due_date.as_str()),
        schedule.as_ref().map(|schedule| schedule.period_uuid),
        Uuid::now_v7()
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// What says nothing new leaves the ticket as it was updated last.
#[instrument(level = "debug", name = "UPDATE callback_ticket", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    uuid: Uuid,
    Said { status, comment, schedule }: &Said,
) -> sqlx::Result<Option<Versioned<CallbackTicket>>> {
    let row = tickets!(
        "UPDATE callback_ticket
         SET status = $2, comment = $3, due_date = $4::text::date, period_uuid = $5,
             updated_at = CASE WHEN (status, comment, due_date, period_uuid) IS DISTINCT FROM ($2, $3, $4::text::date, $5)
                               THEN now() ELSE updated_at END
         WHERE uuid = $1
         RETURNING *",
        uuid,
        status.map(TicketStatus::name),
        comment.as_deref(),
        schedule.as_ref().map(|schedule| schedule.due_date.as_str()),
        schedule.as_ref().map(|schedule| schedule.period_uuid)
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// A ticket with its request.
pub(crate) struct ExportedRow {
    pub(crate) uuid: Uuid,
    list_uuid: Uuid,
    request_uuid: Uuid,
    agent_id: Option<i32>,
    status: Option<Written<TicketStatus>>,
    comment: Option<String>,
    due_date: Option<Written<Day>>,
    period_uuid: Option<Uuid>,
    started_at: Written<Moment>,
    updated_at: Written<Moment>,
    queue_id: i32,
    period: Option<String>,
    phone_number: Option<String>,
    mobile_phone_number: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    description: Option<String>,
}

impl From<ExportedRow> for TicketRow {
    fn from(row: ExportedRow) -> Self {
        let ticket = CallbackTicket {
            uuid: row.uuid,
            list_uuid: row.list_uuid,
            request_uuid: row.request_uuid,
            agent_id: row.agent_id,
            status: row.status.map(|Written(status)| status),
            comment: row.comment,
            due_date: row.due_date.map(|Written(day)| day),
            period_uuid: row.period_uuid,
            started: row.started_at.0,
            last_update: row.updated_at.0,
        };
        let contact = Contact {
            phone_number: row.phone_number,
            mobile_phone_number: row.mobile_phone_number,
            first_name: row.first_name,
            last_name: row.last_name,
            company: row.company,
            description: row.description,
        };
        Self { ticket, queue_id: row.queue_id, period: row.period, contact }
    }
}

/// A batch of the list's tickets whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT callback_ticket", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, list: Uuid, after: Uuid) -> sqlx::Result<Vec<ExportedRow>> {
    let rows = sqlx::query_as!(
        ExportedRow,
        r#"SELECT t.uuid, t.list_uuid, t.request_uuid, t.agent_id, t.status AS "status: Written<TicketStatus>", t.comment,
                  to_char(t.due_date, 'YYYY-MM-DD') AS "due_date: Written<Day>", t.period_uuid,
                  to_char(t.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "started_at!: Written<Moment>",
                  to_char(t.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "updated_at!: Written<Moment>",
                  r.queue_id, p.name AS "period?", r.phone_number, r.mobile_phone_number, r.first_name, r.last_name,
                  r.company, r.description
           FROM callback_ticket t
           JOIN callback_request r ON r.uuid = t.request_uuid
           LEFT JOIN preferred_callback_period p ON p.uuid = t.period_uuid
           WHERE t.list_uuid = $1 AND t.uuid > $2 ORDER BY t.uuid LIMIT $3"#,
        list,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

#[instrument(level = "debug", name = "SELECT callback_list", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn list_exists(connections: &Connections, list: Uuid) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM callback_list WHERE uuid = $1) AS "exists!""#, list);
    let mut connection = connections.lend().await?;
    let exists = exists.fetch_one(&mut *connection).await;
    connection.done(exists)
}

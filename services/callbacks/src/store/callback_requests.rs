use configmgt_contract::{
    Versioned,
    callback_requests::{CallbackRequest, Contact, RequestState, Schedule},
    dates::{Day, TimeOfDay},
    filter::{Find, Page},
    periods::Period,
};
use configmgt_runtime::{
    connections::Connections,
    filter::{Column, FindError, Kind, Table},
    journal::{Object, show},
    listing::BATCH,
    lookup::{Lookup, Rows},
    written::Written,
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;
use uuid::Uuid;

/// A request with its period.
#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    pub(crate) uuid: Uuid,
    list_uuid: Uuid,
    queue_id: i32,
    phone_number: Option<String>,
    mobile_phone_number: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    description: Option<String>,
    due_day: Written<Day>,
    period_uuid: Uuid,
    agent_id: Option<i32>,
    clotured: bool,
    period_name: String,
    period_start: Written<TimeOfDay>,
    period_end: Written<TimeOfDay>,
    period_is_default: bool,
    version: i64,
}

impl From<Row> for CallbackRequest {
    fn from(row: Row) -> Self {
        let preferred_period = Period {
            uuid: row.period_uuid,
            name: row.period_name,
            period_start: row.period_start.0,
            period_end: row.period_end.0,
            default: row.period_is_default,
        };
        let contact = Contact {
            phone_number: row.phone_number,
            mobile_phone_number: row.mobile_phone_number,
            first_name: row.first_name,
            last_name: row.last_name,
            company: row.company,
            description: row.description,
        };
        Self {
            uuid: row.uuid,
            list_uuid: row.list_uuid,
            contact,
            preferred_period_uuid: row.period_uuid,
            due_date: row.due_day.0,
            queue_id: row.queue_id,
            agent_id: row.agent_id,
            clotured: row.clotured,
            preferred_period,
        }
    }
}

impl From<Row> for Versioned<CallbackRequest> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// A row of the table `callback_request`, as the journal keeps it.
#[derive(Deserialize)]
struct StateRow {
    uuid: Uuid,
    list_uuid: Uuid,
    queue_id: i32,
    phone_number: Option<String>,
    mobile_phone_number: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    company: Option<String>,
    description: Option<String>,
    due_date: Written<Day>,
    period_uuid: Uuid,
    agent_id: Option<i32>,
    clotured: bool,
}

impl From<StateRow> for RequestState {
    fn from(row: StateRow) -> Self {
        let contact = Contact {
            phone_number: row.phone_number,
            mobile_phone_number: row.mobile_phone_number,
            first_name: row.first_name,
            last_name: row.last_name,
            company: row.company,
            description: row.description,
        };
        Self {
            uuid: row.uuid,
            list_uuid: row.list_uuid,
            contact,
            preferred_period_uuid: row.period_uuid,
            due_date: row.due_date.0,
            queue_id: row.queue_id,
            agent_id: row.agent_id,
            clotured: row.clotured,
        }
    }
}

/// How the journal shows a request.
pub(crate) const OBJECT: Object = Object {
    name: "callback_request",
    table: "callback_request",
    key: "uuid",
    columns: "uuid, list_uuid, queue_id, phone_number, mobile_phone_number, first_name, last_name, company, description, due_date, \
              period_uuid, agent_id, taken_at, clotured",
    secrets: &[],
    show: show::<StateRow, RequestState>,
};

/// What the find endpoint can filter and sort by.
const CALLBACKS: Table = Table {
    select: "uuid, list_uuid, queue_id, phone_number, mobile_phone_number, first_name, last_name, company, description, \
             due_date, due_day, period_uuid, agent_id, clotured, version, period_name, period_start, period_end, \
             period_is_default",
    from: "callback",
    key: "uuid",
    columns: &[
        Column { names: &["uuid"], sql: "uuid", kind: Kind::Uuid },
        Column { names: &["listUuid"], sql: "list_uuid", kind: Kind::Uuid },
        Column { names: &["phoneNumber"], sql: "phone_number", kind: Kind::Text },
        Column { names: &["mobilePhoneNumber"], sql: "mobile_phone_number", kind: Kind::Text },
        Column { names: &["firstName"], sql: "first_name", kind: Kind::Text },
        Column { names: &["lastName"], sql: "last_name", kind: Kind::Text },
        Column { names: &["company"], sql: "company", kind: Kind::Text },
        Column { names: &["description"], sql: "description", kind: Kind::Text },
        Column { names: &["preferredPeriodUuid"], sql: "period_uuid", kind: Kind::Uuid },
        Column { names: &["dueDate"], sql: "due_date", kind: Kind::Date },
        Column { names: &["agentId"], sql: "agent_id", kind: Kind::Integer },
        Column { names: &["queueId"], sql: "queue_id", kind: Kind::Integer },
        Column { names: &["clotured"], sql: "clotured", kind: Kind::Boolean },
    ],
};

/// The rows of requests that a statement before it, named `given`, reads or changes, by uuid.
macro_rules! requests {
    ($given:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            "WITH given AS (" + $given + r#")
             SELECT g.uuid, g.list_uuid, g.queue_id, g.phone_number, g.mobile_phone_number, g.first_name, g.last_name, g.company,
                    g.description, to_char(g.due_date, 'YYYY-MM-DD') AS "due_day!: Written<Day>", g.period_uuid, g.agent_id,
                    g.clotured, g.version, p.name AS period_name,
                    to_char(p.period_start, 'HH24:MI:SS') AS "period_start!: Written<TimeOfDay>",
                    to_char(p.period_end, 'HH24:MI:SS') AS "period_end!: Written<TimeOfDay>",
                    p.is_default AS period_is_default
             FROM given g JOIN preferred_callback_period p ON p.uuid = g.period_uuid ORDER BY g.uuid"#,
            $($argument),+
        )
    };
}

/// Requests by their uuids.
pub(crate) type RequestLookup = Lookup<Uuid, Versioned<CallbackRequest>>;

pub(crate) fn lookup(connections: &Connections) -> RequestLookup {
    Lookup::new(connections, "SELECT callback_request", |connection, uuids| by_uuids(connection, uuids).boxed())
}

/// The requests with these uuids, for a [`RequestLookup`].
async fn by_uuids(connection: &mut PgConnection, uuids: Vec<Uuid>) -> Rows<Uuid, Versioned<CallbackRequest>> {
    let rows = requests!("SELECT * FROM callback_request WHERE uuid = ANY ($1)", &uuids);
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.uuid, row.into())).collect())
}

#[instrument(level = "debug", name = "SELECT callback", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn find(connections: &Connections, find: &Find) -> Result<Page<CallbackRequest>, FindError> {
    CALLBACKS.find::<Row, CallbackRequest>(connections, find).await
}

/// A batch of the list's open requests whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn open_above(connection: &mut PgConnection, list: Uuid, after: Uuid) -> sqlx::Result<Vec<Row>> {
    let rows = requests!(
        "SELECT * FROM callback_request WHERE list_uuid = $1 AND NOT clotured AND uuid > $2 ORDER BY uuid LIMIT $3",
        list,
        after,
        BATCH
    );
    rows.fetch_all(connection).await
}

/// A request that is to be stored.
pub(crate) struct NewRequest {
    pub(crate) contact: Contact,
    pub(crate) due_date: Day,
    /// The name of its period, where it is not the default one.
    pub(crate) period: Option<String>,
}

/// None where there is no such list or period, or the list's queue was deleted.
#[instrument(level = "debug", name = "INSERT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    list: Uuid,
    NewRequest { contact, due_date, period }: &NewRequest,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!(
        "INSERT INTO callback_request (uuid, list_uuid, queue_id, phone_number, mobile_phone_number, first_name, last_name,
                                       company, description, due_date, period_uuid)
         SELECT $10, l.uuid, l.queue_id, $2, $3, $4, $5, $6, $7, $8::text::date, p.uuid
         FROM callback_list l
         JOIN known_queue q ON q.id = l.queue_id
         JOIN preferred_callback_period p ON CASE WHEN $9::text IS NULL THEN p.is_default ELSE p.name = $9 END
         WHERE l.uuid = $1
         FOR KEY SHARE OF l, p
         RETURNING *",
        list,
        contact.phone_number.as_deref(),
        contact.mobile_phone_number.as_deref(),
        contact.first_name.as_deref(),
        contact.last_name.as_deref(),
        contact.company.as_deref(),
        contact.description.as_deref(),
        due_date.as_str(),
        period.as_deref(),
        Uuid::now_v7()
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// The list's other open requests with one of these numbers as they are dialled, the oldest first, at most so many.
#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn others(
    connection: &mut PgConnection,
    list: Uuid,
    numbers: &[String],
    than: Uuid,
    most: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let others = sqlx::query_scalar!(
        r#"SELECT uuid AS "uuid!" FROM (
               SELECT uuid FROM callback_request
               WHERE list_uuid = $1 AND NOT clotured AND uuid <> $3 AND phone_number IS NOT NULL AND dialled(phone_number) = ANY ($2)
               UNION
               SELECT uuid FROM callback_request
               WHERE list_uuid = $1 AND NOT clotured AND uuid <> $3 AND mobile_phone_number IS NOT NULL
                 AND dialled(mobile_phone_number) = ANY ($2)) AS other
           ORDER BY uuid LIMIT $4"#,
        list,
        numbers,
        than,
        most
    );
    others.fetch_all(connection).await
}

/// None where there is no such request, it is clotured, or another agent holds it.
#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn take(
    connection: &mut PgConnection,
    uuid: Uuid,
    agent_id: i32,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!(
        "UPDATE callback_request SET agent_id = $2, taken_at = coalesce(taken_at, now())
         WHERE uuid = $1 AND NOT clotured AND coalesce(agent_id, $2) = $2
         RETURNING *",
        uuid,
        agent_id
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Who holds a request.
pub(crate) struct Holder {
    pub(crate) agent_id: Option<i32>,
    pub(crate) clotured: bool,
}

#[instrument(level = "debug", name = "SELECT callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn holder(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<Option<Holder>> {
    let holder = sqlx::query_as!(Holder, "SELECT agent_id, clotured FROM callback_request WHERE uuid = $1", uuid);
    holder.fetch_optional(connection).await
}

/// One that is clotured keeps who held it.
#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn release(
    connection: &mut PgConnection,
    uuid: Uuid,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!(
        "UPDATE callback_request
         SET agent_id = CASE WHEN clotured THEN agent_id END, taken_at = CASE WHEN clotured THEN taken_at END
         WHERE uuid = $1
         RETURNING *",
        uuid
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn cloture(
    connection: &mut PgConnection,
    uuid: Uuid,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!("UPDATE callback_request SET clotured = true WHERE uuid = $1 RETURNING *", uuid);
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Nobody holds what is open again.
#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn uncloture(
    connection: &mut PgConnection,
    uuid: Uuid,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!(
        "UPDATE callback_request
         SET clotured = false, agent_id = CASE WHEN NOT clotured THEN agent_id END,
             taken_at = CASE WHEN NOT clotured THEN taken_at END
         WHERE uuid = $1
         RETURNING *",
        uuid
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

#[instrument(level = "debug", name = "UPDATE callback_request", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn reschedule(
    connection: &mut PgConnection,
    uuid: Uuid,
    Schedule { due_date, period_uuid }: &Schedule,
) -> sqlx::Result<Option<Versioned<CallbackRequest>>> {
    let row = requests!(
        "UPDATE callback_request SET due_date = $2::text::date, period_uuid = $3 WHERE uuid = $1 RETURNING *",
        uuid,
        due_date.as_str(),
        period_uuid
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

use configmgt_contract::{
    Versioned,
    dates::TimeOfDay,
    periods::{Period, PeriodFields},
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

/// A row of the table `preferred_callback_period`.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) uuid: Uuid,
    name: String,
    period_start: Written<TimeOfDay>,
    period_end: Written<TimeOfDay>,
    is_default: bool,
    /// The journal keeps it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for Period {
    fn from(row: Row) -> Self {
        let Row {
            uuid, name, period_start: Written(period_start), period_end: Written(period_end), is_default, ..
        } = row;
        Self { uuid, name, period_start, period_end, default: is_default }
    }
}

impl From<Row> for Versioned<Period> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows a period.
pub(crate) const OBJECT: Object = Object {
    name: "preferred_callback_period",
    table: "preferred_callback_period",
    key: "uuid",
    columns: "uuid, name, period_start, period_end, is_default",
    secrets: &[],
    show: show::<Row, Period>,
};

/// A batch of the periods whose uuid is above `after`, by uuid.
#[instrument(level = "debug", name = "SELECT preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: Uuid) -> sqlx::Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT uuid, name, to_char(period_start, 'HH24:MI:SS') AS "period_start!: Written<TimeOfDay>",
                  to_char(period_end, 'HH24:MI:SS') AS "period_end!: Written<TimeOfDay>", is_default, version
           FROM preferred_callback_period WHERE uuid > $1 ORDER BY uuid LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

#[instrument(level = "debug", name = "SELECT preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn get(connections: &Connections, uuid: Uuid) -> sqlx::Result<Option<Versioned<Period>>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT uuid, name, to_char(period_start, 'HH24:MI:SS') AS "period_start!: Written<TimeOfDay>",
                  to_char(period_end, 'HH24:MI:SS') AS "period_end!: Written<TimeOfDay>", is_default, version
           FROM preferred_callback_period WHERE uuid = $1"#,
        uuid
    );
    let mut connection = connections.lend().await?;
    let row = row.fetch_optional(&mut *connection).await;
    Ok(connection.done(row)?.map(Versioned::from))
}

/// A period that is the default makes the one that was no longer it.
#[instrument(level = "debug", name = "INSERT preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(connection: &mut PgConnection, period: &PeriodFields) -> sqlx::Result<Versioned<Period>> {
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO preferred_callback_period (uuid, name, period_start, period_end, is_default)
           VALUES ($5, $1, $2::text::time, $3::text::time, $4)
           RETURNING uuid, name, to_char(period_start, 'HH24:MI:SS') AS "period_start!: Written<TimeOfDay>",
                     to_char(period_end, 'HH24:MI:SS') AS "period_end!: Written<TimeOfDay>", is_default, version"#,
        period.name,
        period.period_start.as_str(),
        period.period_end.as_str(),
        period.default,
        Uuid::now_v7()
    );
    Ok(row.fetch_one(connection).await?.into())
}

/// None where there is no such period, or the default would be no longer it.
#[instrument(level = "debug", name = "UPDATE preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    uuid: Uuid,
    period: &PeriodFields,
) -> sqlx::Result<Option<Versioned<Period>>> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE preferred_callback_period
           SET name = $2, period_start = $3::text::time, period_end = $4::text::time, is_default = $5
           WHERE uuid = $1 AND ($5 OR NOT is_default)
           RETURNING uuid, name, to_char(period_start, 'HH24:MI:SS') AS "period_start!: Written<TimeOfDay>",
                     to_char(period_end, 'HH24:MI:SS') AS "period_end!: Written<TimeOfDay>", is_default, version"#,
        uuid,
        period.name,
        period.period_start.as_str(),
        period.period_end.as_str(),
        period.default
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// False where there is no such period, or it is the default.
#[instrument(level = "debug", name = "DELETE preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<bool> {
    let delete = sqlx::query!("DELETE FROM preferred_callback_period WHERE uuid = $1 AND NOT is_default", uuid);
    Ok(delete.execute(connection).await?.rows_affected() > 0)
}

#[instrument(level = "debug", name = "SELECT preferred_callback_period", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn exists(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM preferred_callback_period WHERE uuid = $1) AS "exists!""#,
        uuid
    );
    exists.fetch_one(connection).await
}

use configmgt_contract::{
    Versioned,
    lines::{Line, LineState, LineType},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

use super::{Written, broken_constraint};

/// A row of the table `line`.
#[derive(Deserialize)]
struct Row {
    id: i32,
    user_id: i32,
    line_type: Written<LineType>,
    context: String,
    extension: String,
    site: String,
    name: String,
    line_num: i32,
    provisioning_id: Option<i32>,
    device: Option<String>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for LineState {
    fn from(row: Row) -> Self {
        let line = Line {
            id: row.id,
            line_type: row.line_type.0,
            context: row.context,
            extension: row.extension,
            site: row.site,
            name: row.name,
            line_num: row.line_num,
            provisioning_id: row.provisioning_id,
            device: row.device,
        };
        Self { user_id: row.user_id, line }
    }
}

impl From<Row> for Versioned<Line> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: LineState::from(row).line }
    }
}

/// How the journal shows a line.
pub(crate) const OBJECT: Object = Object {
    name: "line",
    // With its schema: where a type is meant, `line` alone is the one of geometry.
    table: "users.line",
    key: "id",
    columns: "id, user_id, line_type, context, extension, site, name, line_num, provisioning_id, device",
    secrets: &[],
    show: show::<Row, LineState>,
};

/// What a line is made of, beside what it is given here.
pub(crate) struct NewLine {
    pub(crate) line_type: LineType,
    pub(crate) context: String,
    pub(crate) extension: String,
    pub(crate) site: String,
    /// None for a SIP line: its name does not follow from the rest.
    pub(crate) name: Option<String>,
    pub(crate) line_num: i32,
    pub(crate) device: Option<String>,
}

/// Lines by their users.
pub(crate) type LineLookup = Lookup<i32, Versioned<Line>>;

pub(crate) fn lookup(connections: &Connections) -> LineLookup {
    Lookup::new(connections, "SELECT line", |connection, user_ids| by_users(connection, user_ids).boxed())
}

/// The lines of these users, for a [`LineLookup`].
async fn by_users(connection: &mut PgConnection, user_ids: Vec<i32>) -> Rows<i32, Versioned<Line>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, user_id, line_type AS "line_type: Written<LineType>", context, extension, site, name, line_num,
                  provisioning_id, device, version
           FROM line WHERE user_id = ANY ($1)"#,
        &user_ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.user_id, row.into())).collect())
}

/// How often a name and a code are drawn for one line. Only lines that are made at the same moment can draw the same, so a second
/// time is rare even where few codes are left.
pub(crate) const DRAWS: u32 = 16;

/// None where there is no such user, or he has a line.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    user_id: i32,
    line: &NewLine,
) -> sqlx::Result<Option<Versioned<Line>>> {
    if line.name.is_some() {
        return insert_once(connection, user_id, line).await;
    }
    for _ in 1..DRAWS {
        sqlx::raw_sql("SAVEPOINT draw").execute(&mut *connection).await?;
        match insert_once(connection, user_id, line).await {
            Err(error) if drew_the_same(&error) => {
                sqlx::raw_sql("ROLLBACK TO SAVEPOINT draw").execute(&mut *connection).await?;
            }
            outcome => return outcome,
        }
    }
    insert_once(connection, user_id, line).await
}

/// Whether another line has drawn this name or this code meanwhile.
pub(crate) fn drew_the_same(error: &sqlx::Error) -> bool {
    matches!(broken_constraint(error), Some("line_sip_name_key" | "line_provisioning_id_key"))
}

#[instrument(level = "debug", name = "INSERT line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_once(
    connection: &mut PgConnection,
    user_id: i32,
    line: &NewLine,
) -> sqlx::Result<Option<Versioned<Line>>> {
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO line (user_id, line_type, context, extension, site, name, line_num, provisioning_id, device)
           SELECT id, $2, $3, $4, $5, coalesce($6, free_line_name()), $7,
                  CASE WHEN $6 IS NULL THEN free_provisioning_id() END, $8
           FROM users u
           -- Not left to the constraints: which of two is named goes by the order in which their indexes were made.
           WHERE u.id = $1 AND NOT EXISTS (SELECT FROM line l WHERE l.user_id = u.id) FOR KEY SHARE OF u
           RETURNING id, user_id, line_type AS "line_type: Written<LineType>", context, extension, site, name, line_num,
                     provisioning_id, device, version"#,
        user_id,
        line.line_type.name(),
        line.context,
        line.extension,
        line.site,
        line.name,
        line.line_num,
        line.device
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// The type of the user's line, which nobody else can change until the transaction ends.
#[instrument(level = "debug", name = "SELECT line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn lock(connection: &mut PgConnection, user_id: i32) -> sqlx::Result<Option<LineType>> {
    let line_type = sqlx::query_scalar!(
        r#"SELECT line_type AS "line_type: Written<LineType>" FROM line WHERE user_id = $1 FOR UPDATE"#,
        user_id
    );
    Ok(line_type.fetch_optional(connection).await?.map(|Written(line_type)| line_type))
}

/// Replaces a line; a SIP line keeps its name and its code.
#[instrument(level = "debug", name = "UPDATE line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    user_id: i32,
    line: &NewLine,
) -> sqlx::Result<Versioned<Line>> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE line SET line_type = $2, context = $3, extension = $4, site = $5, name = coalesce($6, name), line_num = $7,
                  device = $8
           WHERE user_id = $1
           RETURNING id, user_id, line_type AS "line_type: Written<LineType>", context, extension, site, name, line_num,
                     provisioning_id, device, version"#,
        user_id,
        line.line_type.name(),
        line.context,
        line.extension,
        line.site,
        line.name,
        line.line_num,
        line.device
    );
    Ok(row.fetch_one(connection).await?.into())
}

/// Whether there was one.
#[instrument(level = "debug", name = "DELETE line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, user_id: i32) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM line WHERE user_id = $1", user_id).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

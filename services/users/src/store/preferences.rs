use configmgt_contract::{
    Versioned,
    preferences::{Preference, PreferenceState, PreferenceValue},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
};
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `preference`, as the journal keeps it.
#[derive(Deserialize)]
struct Row {
    user_id: i32,
    key: String,
    value: String,
    value_type: String,
}

impl From<Row> for PreferenceState {
    fn from(Row { user_id, key, value, value_type }: Row) -> Self {
        Self { user_id, preference: Preference { key, value: PreferenceValue { value, value_type } } }
    }
}

/// How the journal shows a preference.
pub(crate) const OBJECT: Object = Object {
    name: "preference",
    table: "preference",
    key: "id",
    columns: "id, user_id, key, value, value_type",
    secrets: &[],
    show: show::<Row, PreferenceState>,
};

/// A preference in the list of a user's.
pub(crate) struct ListedRow {
    pub(crate) id: i64,
    key: String,
    value: String,
    value_type: String,
}

impl From<ListedRow> for Preference {
    fn from(ListedRow { id: _, key, value, value_type }: ListedRow) -> Self {
        Self { key, value: PreferenceValue { value, value_type } }
    }
}

/// A batch of the user's preferences whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT preference", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, user_id: i32, after: i64) -> sqlx::Result<Vec<ListedRow>> {
    let rows = sqlx::query_as!(
        ListedRow,
        "SELECT id, key, value, value_type FROM preference WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        user_id,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

#[instrument(level = "debug", name = "SELECT preference", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn get(
    connection: &mut PgConnection,
    user_id: i32,
    key: &str,
) -> sqlx::Result<Option<Versioned<PreferenceValue>>> {
    let row =
        sqlx::query!("SELECT value, value_type, version FROM preference WHERE user_id = $1 AND key = $2", user_id, key);
    let row = row.fetch_optional(connection).await?;
    Ok(row.map(|row| Versioned {
        version: row.version,
        object: PreferenceValue { value: row.value, value_type: row.value_type },
    }))
}

#[instrument(level = "debug", name = "SELECT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn user_exists(connection: &mut PgConnection, user_id: i32) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE id = $1) AS "exists!""#, user_id);
    exists.fetch_one(connection).await
}

#[instrument(level = "debug", name = "INSERT preference", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    user_id: i32,
    key: &str,
    PreferenceValue { value, value_type }: &PreferenceValue,
) -> sqlx::Result<()> {
    let insert = sqlx::query!(
        "INSERT INTO preference (user_id, key, value, value_type) VALUES ($1, $2, $3, $4)",
        user_id,
        key,
        value,
        value_type
    );
    insert.execute(connection).await.map(|_| ())
}

/// Whether there was one.
#[instrument(level = "debug", name = "UPDATE preference", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    user_id: i32,
    key: &str,
    PreferenceValue { value, value_type }: &PreferenceValue,
) -> sqlx::Result<bool> {
    let update = sqlx::query!(
        "UPDATE preference SET value = $3, value_type = $4 WHERE user_id = $1 AND key = $2",
        user_id,
        key,
        value,
        value_type
    );
    Ok(update.execute(connection).await?.rows_affected() > 0)
}

/// Whether there was one.
#[instrument(level = "debug", name = "DELETE preference", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, user_id: i32, key: &str) -> sqlx::Result<bool> {
    let delete = sqlx::query!("DELETE FROM preference WHERE user_id = $1 AND key = $2", user_id, key);
    Ok(delete.execute(connection).await?.rows_affected() > 0)
}

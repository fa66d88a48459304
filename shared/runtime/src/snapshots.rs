//! Snapshots of a service's objects, read from the tables where they stand.

use configmgt_contract::{
    Call, Outcome,
    snapshots::{self, PresentObject, ReadSnapshot, SnapshotPage, SnapshotRefusal},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tracing::instrument;

use crate::{
    journal::{Journal, Object},
    journaled,
};

/// The most objects of a page. Of ordinary ones, so many fit into one message.
const PAGE: i64 = 500;

/// The snapshots of all kinds of objects of a service.
pub(crate) struct Snapshots {
    journal: Journal,
    objects: &'static [Object],
}

impl Snapshots {
    pub(crate) const fn new(journal: Journal, objects: &'static [Object]) -> Self {
        Self { journal, objects }
    }
}

journaled!(Snapshots);

impl snapshots::Snapshots for Snapshots {
    async fn page(&self, _: &Call, ReadSnapshot { object_type, after }: ReadSnapshot) -> Outcome<ReadSnapshot> {
        let object = self.objects.iter().find(|object| object.name == object_type);
        let object = object.ok_or(SnapshotRefusal::UnknownType { object_type })?;
        let mut connection = self.journal.connections().lend().await?;
        let rows = page(&mut connection, object, after.as_deref()).await;
        let present = |(id, version, row)| Ok(PresentObject { id, version, state: (object.show)(row)? });
        let objects = connection.done(rows)?.into_iter().map(present).collect::<serde_json::Result<_>>()?;
        Ok(SnapshotPage { objects })
    }
}

/// The ids, the versions and the rows, as the journal has them, of the next objects.
#[instrument(level = "debug", name = "SELECT snapshot", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn page(
    connection: &mut PgConnection,
    object: &Object,
    after: Option<&str>,
) -> sqlx::Result<Vec<(String, i64, Value)>> {
    let Object { table, key, secrets, .. } = object;
    let behind = after.map_or_else(String::new, |_| format!("WHERE {key} > {}", object.key_of("$3")));
    let sql = format!(
        "SELECT to_jsonb(t) ->> '{key}', version, to_jsonb(t) - 'version' - $1::text[] FROM {table} t
         {behind} ORDER BY {key} LIMIT $2"
    );
    let secrets: Vec<&str> = secrets.iter().map(|(column, _)| *column).collect();
    let rows = sqlx::query_as(AssertSqlSafe(sql)).bind(secrets).bind(PAGE);
    match after {
        Some(after) => rows.bind(after).fetch_all(connection).await,
        None => rows.fetch_all(connection).await,
    }
}

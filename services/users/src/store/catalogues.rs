use configmgt_contract::catalogues::{Context, Entity, Label, Mediaserver};
use serde::Deserialize;

/// A row of any of the tables.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    display_name: String,
}

/// The store of a catalogue: its table, and the statement that gives the ids of the users who have `$1` of it.
macro_rules! catalogue {
    ($entry:ident in $table:tt as $store:ident, used by $users:tt) => {
        impl From<Row> for $entry {
            fn from(Row { name, display_name }: Row) -> Self {
                Self { name, display_name }
            }
        }

        pub(crate) mod $store {
            use configmgt_contract::catalogues::$entry;
            use configmgt_runtime::{
                connections::Connections,
                journal::{Object, show},
                listing::BATCH,
            };
            use sqlx::PgConnection;
            use tracing::instrument;

            use super::Row;

            /// How the journal shows an entry.
            pub(crate) const OBJECT: Object = Object {
                name: $table,
                table: $table,
                key: "name",
                columns: "name, display_name",
                secrets: &[],
                show: show::<Row, $entry>,
            };

            /// A batch of the entries whose name is above `after`, by name.
            #[instrument(level = "debug", name = "SELECT", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
            pub(crate) async fn above(connections: Connections, after: String) -> sqlx::Result<Vec<Row>> {
                let rows = sqlx::query_as!(
                    Row,
                    "SELECT name, display_name FROM " + $table + " WHERE name > $1 ORDER BY name LIMIT $2",
                    after,
                    BATCH
                );
                let mut connection = connections.lend().await?;
                let rows = rows.fetch_all(&mut *connection).await;
                connection.done(rows)
            }

            /// The new entry, with its version before it.
            #[instrument(level = "debug", name = "INSERT", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
            pub(crate) async fn insert(
                connection: &mut PgConnection,
                name: &str,
                display_name: &str,
            ) -> sqlx::Result<(i64, Row)> {
                let inserted = sqlx::query!(
                    "INSERT INTO " + $table + " (name, display_name) VALUES ($1, $2) RETURNING name, display_name, version",
                    name,
                    display_name
                );
                let inserted = inserted.fetch_one(connection).await?;
                Ok((inserted.version, Row { name: inserted.name, display_name: inserted.display_name }))
            }

            /// Keeps the entry from being given to anybody until the transaction ends, and says whether there is one.
            #[instrument(level = "debug", name = "SELECT", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
            pub(crate) async fn lock(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
                let found = sqlx::query_scalar!("SELECT name FROM " + $table + " WHERE name = $1 FOR UPDATE", name);
                Ok(found.fetch_optional(connection).await?.is_some())
            }

            /// The first users who have the entry, by id.
            #[instrument(level = "debug", name = "SELECT", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
            pub(crate) async fn users(connection: &mut PgConnection, name: &str) -> sqlx::Result<Vec<i32>> {
                sqlx::query_scalar!($users + " ORDER BY 1 LIMIT 11", name).fetch_all(connection).await
            }

            #[instrument(level = "debug", name = "DELETE", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
            pub(crate) async fn delete(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
                sqlx::query!("DELETE FROM " + $table + " WHERE name = $1", name).execute(connection).await?;
                Ok(())
            }
        }
    };
}

catalogue!(Entity in "entity" as entity, used by "SELECT id FROM users WHERE entity = $1");
catalogue!(Mediaserver in "mediaserver" as mediaserver, used by "SELECT user_id FROM line WHERE site = $1");
catalogue!(Context in "context" as context, used by "SELECT user_id FROM line WHERE context = $1");
catalogue!(Label in "label" as label, used by "SELECT id FROM users WHERE labels @> ARRAY[$1]");

//! Which users there are, as far as the users service's events have come.

use configmgt_contract::{BoxError, events::Action, users::User};
use configmgt_runtime::follow::{Apply, Followed};
use sqlx::PgConnection;
use tracing::instrument;

/// Keeps the copy. An agent whose user is deleted stays without: the foreign key does that.
#[derive(Default)]
pub(crate) struct KnownUsers;

impl Apply<User> for KnownUsers {
    async fn apply(&self, connection: &mut PgConnection, event: Followed<User>) -> Result<(), BoxError> {
        let id: i32 = event.object_id.parse()?;
        if event.action == Action::Deleted {
            delete(connection, id).await?;
        } else {
            insert(connection, id).await?;
        }
        Ok(())
    }
}

#[instrument(level = "debug", name = "SELECT known_user", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn exists(connection: &mut PgConnection, id: i32) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM known_user WHERE id = $1) AS "exists!""#, id);
    exists.fetch_one(connection).await
}

#[instrument(level = "debug", name = "INSERT known_user", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO known_user (id) VALUES ($1) ON CONFLICT DO NOTHING", id).execute(connection).await?;
    Ok(())
}

#[instrument(level = "debug", name = "DELETE known_user", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM known_user WHERE id = $1", id).execute(connection).await?;
    Ok(())
}

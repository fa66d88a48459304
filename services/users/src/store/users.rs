use configmgt_contract::{
    Versioned,
    users::{User, UserFields},
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

/// A row of the table `users`, without its password.
#[derive(Deserialize)]
struct Row {
    id: i32,
    firstname: String,
    lastname: String,
    login: Option<String>,
    email: Option<String>,
    mobile_phone_number: Option<String>,
    external_phone_number: Option<String>,
    entity: Option<String>,
    labels: Vec<String>,
    /// The journal keeps it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        let Row { id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, .. } = row;
        let Row { entity, labels, .. } = row;
        Self { id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels }
    }
}

impl From<Row> for Versioned<User> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows a user.
pub(crate) const OBJECT: Object = Object {
    name: "user",
    table: "users",
    key: "id",
    columns: "id, firstname, lastname, login, password_hash, email, mobile_phone_number, external_phone_number, entity, labels",
    secrets: &[("password_hash", "password")],
    show: show::<Row, User>,
};

/// Users by their ids.
pub(crate) type UserLookup = Lookup<i32, Versioned<User>>;

pub(crate) fn lookup(connections: &Connections) -> UserLookup {
    Lookup::new(connections, "SELECT users", |connection, ids| by_ids(connection, ids).boxed())
}

/// The users with these ids, for a [`UserLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, Versioned<User>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels, version
         FROM users WHERE id = ANY ($1)",
        &ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.into())).collect())
}

/// The user with this id, which nobody else changes until the transaction ends.
#[instrument(level = "debug", name = "SELECT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn lock(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<User>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels, version
         FROM users WHERE id = $1 FOR NO KEY UPDATE",
        id
    );
    Ok(row.fetch_optional(connection).await?.map(User::from))
}

#[instrument(level = "debug", name = "INSERT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(
    connection: &mut PgConnection,
    user: &UserFields,
    password_hash: Option<&str>,
) -> sqlx::Result<Versioned<User>> {
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO users
             (firstname, lastname, login, password_hash, email, mobile_phone_number, external_phone_number, entity, labels)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         RETURNING
             id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels, version",
        user.firstname,
        user.lastname,
        user.login.as_deref(),
        password_hash,
        user.email.as_deref(),
        user.mobile_phone_number.as_deref(),
        user.external_phone_number.as_deref(),
        user.entity.as_deref(),
        &user.labels
    );
    Ok(row.fetch_one(connection).await?.into())
}

/// What becomes of a user's password.
pub(crate) enum PasswordHash {
    Kept,
    Set(Option<String>),
}

#[instrument(level = "debug", name = "UPDATE users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: i32,
    user: &UserFields,
    password_hash: &PasswordHash,
) -> sqlx::Result<Option<Versioned<User>>> {
    let (keep_password, password_hash) = match password_hash {
        PasswordHash::Kept => (true, None),
        PasswordHash::Set(hash) => (false, hash.as_deref()),
    };
    let row = sqlx::query_as!(
        Row,
        "UPDATE users SET
             firstname = $2, lastname = $3, login = $4, email = $5, mobile_phone_number = $6, external_phone_number = $7,
             entity = $8, labels = $9, password_hash = CASE WHEN $10 THEN password_hash ELSE $11 END
         WHERE id = $1
         RETURNING
             id, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels, version",
        id,
        user.firstname,
        user.lastname,
        user.login.as_deref(),
        user.email.as_deref(),
        user.mobile_phone_number.as_deref(),
        user.external_phone_number.as_deref(),
        user.entity.as_deref(),
        &user.labels,
        keep_password,
        password_hash
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Deletes the user and all that goes with it, and says whether there was one.
#[instrument(level = "debug", name = "DELETE users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<bool> {
    let deleted = sqlx::query!("DELETE FROM users WHERE id = $1", id).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

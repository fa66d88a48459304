//! The database schemas of the services, and what brings them up to date.
//!
//! Each service has a schema and a login role of its own. The schema and its tables belong to the role that migrates; the
//! service's role gets what the migrations grant it, and nothing else anywhere. So a service can neither read another's
//! tables nor change its own schema.

use sqlx::{
    ConnectOptions, Connection, PgConnection,
    migrate::{MigrateError, Migration, Migrator},
    postgres::PgConnectOptions,
};
use tracing::info;

/// A service's schema: its name, the role that may use it, and its migrations.
pub struct Schema {
    /// The service's name on the bus.
    pub service: &'static str,
    pub name: &'static str,
    pub role: &'static str,
    migrations: Migrator,
}

/// What every schema has. Numbers are unique within a schema, whichever of the two folders they come from.
static JOURNAL: Migrator = sqlx::migrate!("./journal");

/// All schemas, in no particular order: none refers to another.
pub static SCHEMAS: [Schema; 4] = [
    Schema {
        service: "callbacks",
        name: "callbacks",
        role: "configmgt_callbacks",
        migrations: sqlx::migrate!("./callbacks"),
    },
    Schema {
        service: "meetingroom",
        name: "meetingroom",
        role: "configmgt_meetingroom",
        migrations: sqlx::migrate!("./meetingroom"),
    },
    Schema {
        service: "queue-dissuasion",
        name: "queue_dissuasion",
        role: "configmgt_queue_dissuasion",
        migrations: sqlx::migrate!("./queue-dissuasion"),
    },
    Schema { service: "users", name: "users", role: "configmgt_users", migrations: sqlx::migrate!("./users") },
];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database cannot be prepared")]
    Database(#[from] sqlx::Error),
    #[error("the schema {schema} cannot be brought up to date")]
    Migration { schema: &'static str, source: MigrateError },
}

/// Two processes that migrate at once wait for each other on this lock.
const LOCK: i64 = 0x636f_6e66_6967;

/// Brings schemas up to date with the rights of `database`'s user, and makes each one's role able to log in with the password
/// beside it.
///
/// Roles are created where they do not exist, which takes `CREATEROLE`. Running it again changes nothing but the passwords.
pub async fn migrate(
    database: &PgConnectOptions,
    schemas: impl IntoIterator<Item = (&'static Schema, String)>,
) -> Result<(), Error> {
    let mut connection = database.connect().await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await?;
    for (schema, password) in schemas {
        prepare(&mut connection, schema, &password).await?;
        schema
            .migrator()
            .run(&mut connection)
            .await
            .map_err(|source| Error::Migration { schema: schema.name, source })?;
        info!(schema = schema.name, "schema is up to date");
    }
    connection.close().await?;
    Ok(())
}

impl Schema {
    fn migrator(&self) -> Migrator {
        let all: Vec<Migration> = JOURNAL.iter().chain(self.migrations.iter()).cloned().collect();
        Migrator::with_migrations(all)
    }
}

async fn prepare(connection: &mut PgConnection, schema: &Schema, password: &str) -> Result<(), Error> {
    let Schema { name, role, .. } = schema;
    let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(&mut *connection)
        .await?;
    if !known {
        run(connection, "CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT", &[role]).await?;
    }
    run(connection, "ALTER ROLE %I LOGIN PASSWORD %L", &[role, password]).await?;
    run(connection, "ALTER ROLE %I SET search_path = %I", &[role, name]).await?;
    run(connection, "CREATE SCHEMA IF NOT EXISTS %I", &[name]).await?;
    run(connection, "GRANT USAGE ON SCHEMA %I TO %I", &[name, role]).await?;
    run(connection, "SET search_path TO %I", &[name]).await
}

/// Runs a statement that takes no parameters, with its names and literals quoted by `PostgreSQL` itself.
async fn run(connection: &mut PgConnection, template: &'static str, values: &[&str]) -> Result<(), Error> {
    let statement: String = sqlx::query_scalar("SELECT format($1, VARIADIC $2)")
        .bind(template)
        .bind(values)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

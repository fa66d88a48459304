//! What each service's role may do, and what it may not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use configmgt_migrations::{SCHEMAS, migrate};
use configmgt_stack::databases::Database;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// The SQLSTATE of "insufficient privilege".
const FORBIDDEN: Option<&str> = Some("42501");

async fn outcome(connection: &mut PgConnection, statement: &str) -> Option<String> {
    let outcome = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    outcome.err().map(|error| error.into_database_error().unwrap().code().unwrap().into_owned())
}

#[tokio::test]
async fn a_services_role_reaches_its_own_schema_and_no_other() {
    let database = Database::create().await.unwrap();
    for own in &SCHEMAS {
        let mut connection = database.of_service(own.service).connect().await.unwrap();
        let path: String = sqlx::query_scalar("SHOW search_path").fetch_one(&mut connection).await.unwrap();
        assert_eq!(path, own.name);
        for other in SCHEMAS.iter().filter(|other| other.name != own.name) {
            let read = format!("SELECT * FROM {}._sqlx_migrations", other.name);
            assert_eq!(outcome(&mut connection, &read).await.as_deref(), FORBIDDEN, "{} read {}", own.role, other.name);
        }
        for schema in SCHEMAS.iter().map(|schema| schema.name).chain(["public"]) {
            let create = format!("CREATE TABLE {schema}.intruder (id int)");
            assert_eq!(outcome(&mut connection, &create).await.as_deref(), FORBIDDEN, "{} in {schema}", own.role);
        }
        let elevate = format!("ALTER ROLE {} SUPERUSER", own.role);
        assert_eq!(outcome(&mut connection, &elevate).await.as_deref(), FORBIDDEN);
    }
}

#[tokio::test]
async fn the_meetingroom_role_changes_rows_and_not_tables() {
    let database = Database::create().await.unwrap();
    let mut connection = database.of_service("meetingroom").connect().await.unwrap();
    let insert = "INSERT INTO meetingroom (name, display_name, number) VALUES ('a', 'A', 1)";
    assert_eq!(outcome(&mut connection, insert).await, None);
    assert_eq!(outcome(&mut connection, "UPDATE meetingroom SET number = 2").await, None);
    assert_eq!(outcome(&mut connection, "DELETE FROM meetingroom").await, None);
    for statement in ["DROP TABLE meetingroom", "ALTER TABLE meetingroom ADD x int", "TRUNCATE meetingroom"] {
        assert_eq!(outcome(&mut connection, statement).await.as_deref(), FORBIDDEN, "{statement}");
    }
}

#[tokio::test]
async fn migrating_again_keeps_the_rows_also_when_two_do_it_at_once() {
    let database = Database::create().await.unwrap();
    let mut connection = database.of_service("meetingroom").connect().await.unwrap();
    let insert = "INSERT INTO meetingroom (name, display_name, number) VALUES ('a', 'A', 1)";
    assert_eq!(outcome(&mut connection, insert).await, None);
    let again = || migrate(&database.owner, database.schemas());
    let (first, second) = tokio::join!(again(), again());
    first.unwrap();
    second.unwrap();
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM meetingroom").fetch_one(&mut connection).await.unwrap();
    assert_eq!(rows, 1);
    database.of_service("meetingroom").connect().await.unwrap();
}

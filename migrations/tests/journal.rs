//! The journal as the database keeps it, whoever changes something.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use configmgt_migrations::SCHEMAS;
use configmgt_stack::databases::Database;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

/// The tables that every schema has for its own keeping: they hold no objects.
const NO_OBJECTS: [&str; 13] = [
    "_sqlx_migrations",
    "followed",
    "following",
    "idempotency",
    "import",
    "journal",
    "known_agent",
    "known_queue",
    "known_user",
    "login_attempt",
    "object_version",
    "outbox",
    "relay_state",
];

/// Action, version, actor; the object before and after; its secrets before and after.
type Journaled = (String, i64, String, Option<Value>, Option<Value>, Option<Value>, Option<Value>);

async fn run(connection: &mut PgConnection, statement: &str) -> Result<u64, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await.map(|done| done.rows_affected())
}

async fn create(connection: &mut PgConnection, name: &str, number: i32) {
    let insert = format!("INSERT INTO meetingroom (name, display_name, number) VALUES ('{name}', 'A', {number})");
    run(connection, &insert).await.unwrap();
}

#[tokio::test]
async fn every_table_of_objects_is_journaled() {
    let database = Database::create().await.unwrap();
    let mut connection = database.owner.connect().await.unwrap();
    let mut journaled = 0;
    for schema in &SCHEMAS {
        let tables: Vec<String> = sqlx::query_scalar("SELECT tablename FROM pg_tables WHERE schemaname = $1")
            .bind(schema.name)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for table in tables.iter().filter(|table| !NO_OBJECTS.contains(&table.as_str())) {
            let triggers: Vec<String> = sqlx::query_scalar(
                "SELECT tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                 JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = $2 AND NOT tgisinternal AND tgenabled = 'O'
                   AND tgname IN ('number_version', 'record_change') ORDER BY tgname",
            )
            .bind(schema.name)
            .bind(table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
            assert_eq!(triggers, ["number_version", "record_change"], "{}.{table}", schema.name);
            journaled += 1;
        }
    }
    assert!(journaled > 0);
}

#[tokio::test]
async fn a_change_by_hand_is_journaled_with_its_author_and_its_secrets_apart() {
    let database = Database::create().await.unwrap();
    let mut owner = database.owner.connect().await.unwrap();
    run(&mut owner, "SET search_path TO meetingroom").await.unwrap();
    let insert = "INSERT INTO meetingroom (name, display_name, number, user_pin) VALUES ('a', 'A', 1, '0420')";
    run(&mut owner, insert).await.unwrap();
    run(&mut owner, "UPDATE meetingroom SET user_pin = '7'").await.unwrap();
    run(&mut owner, "UPDATE meetingroom SET user_pin = '7'").await.unwrap();
    run(&mut owner, "DELETE FROM meetingroom").await.unwrap();
    let rows: Vec<Journaled> = sqlx::query_as(
        "SELECT action, object_version, actor, before, after, secrets_before, secrets_after FROM journal ORDER BY id",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let room = || Some(json!({"id": 1, "name": "a", "display_name": "A", "number": 1}));
    let pin = |pin: &str| Some(json!({"user_pin": pin}));
    let expected = [
        ("created", 1, None, room(), None, pin("0420")),
        ("updated", 2, room(), room(), pin("0420"), pin("7")),
        ("deleted", 3, room(), None, pin("7"), None),
    ];
    let expected = expected.map(|(action, version, before, after, secrets_before, secrets_after)| {
        (action.to_owned(), version, "postgres".to_owned(), before, after, secrets_before, secrets_after)
    });
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_services_role_adds_to_the_journal_by_changing_objects_and_in_no_other_way() {
    let database = Database::create().await.unwrap();
    let mut connection = database.of_service("meetingroom").connect().await.unwrap();
    create(&mut connection, "a", 1).await;
    for statement in [
        "UPDATE journal SET actor = 'somebody else'",
        "DELETE FROM journal",
        "TRUNCATE journal",
        "INSERT INTO journal (event_id, object_type, object_id, object_version, action, actor, occurred_at)
         VALUES (uuid7(now()), 'meetingroom', '9', 1, 'created', 'somebody else', now())",
        "UPDATE object_version SET version = 7",
        "ALTER TABLE meetingroom DISABLE TRIGGER record_change",
        "SET session_replication_role = replica",
    ] {
        let refused = run(&mut connection, statement).await.unwrap_err().into_database_error().unwrap();
        assert_eq!(refused.code().as_deref(), Some("42501"), "{statement}");
    }
}

#[tokio::test]
async fn only_what_is_published_and_old_is_forgotten() {
    let database = Database::create().await.unwrap();
    let mut connection = database.of_service("meetingroom").connect().await.unwrap();
    for number in 1..=5 {
        create(&mut connection, &format!("r{number}"), number).await;
    }
    let pruned = async |connection: &mut PgConnection, keep: &str, most: i32| -> i64 {
        let prune = sqlx::query_scalar("SELECT prune_journal($1::text::interval, $2)");
        prune.bind(keep).bind(most).fetch_one(connection).await.unwrap()
    };
    assert_eq!(pruned(&mut connection, "0 s", 100).await, 0);
    run(&mut connection, "DELETE FROM outbox WHERE journal_id <> 3").await.unwrap();
    assert_eq!(pruned(&mut connection, "1 day", 100).await, 0);
    assert_eq!(pruned(&mut connection, "0 s", 2).await, 2);
    assert_eq!(pruned(&mut connection, "0 s", 100).await, 2);
    let left: Vec<i64> = sqlx::query_scalar("SELECT id FROM journal").fetch_all(&mut connection).await.unwrap();
    assert_eq!(left, [3]);
    // The versions go on all the same.
    run(&mut connection, "UPDATE meetingroom SET number = 9 WHERE id = 1").await.unwrap();
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT object_version FROM journal ORDER BY id").fetch_all(&mut connection).await.unwrap();
    assert_eq!(versions, [1, 2]);
}

#[tokio::test]
async fn event_ids_are_uuids_of_version_7_in_the_order_of_their_time() {
    let database = Database::create().await.unwrap();
    let mut connection = database.of_service("meetingroom").connect().await.unwrap();
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(
        "SELECT uuid7('2026-11-24T09:30:00Z'::timestamptz + i * interval '1 ms') FROM generate_series(0, 99) i",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(ids.is_sorted());
    assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
    let (seconds, nanoseconds) = ids[7].get_timestamp().unwrap().to_unix();
    assert_eq!((seconds, nanoseconds), (1_795_512_600, 7_000_000));
}

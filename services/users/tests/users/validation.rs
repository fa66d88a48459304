use std::ops::RangeInclusive;

use configmgt_contract::{Fault, Kind, Operation, Status, validation::ValidateUser};
use configmgt_users::password::{Passwords, WAITING};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{SERVICE, Service, Tested, fault};

/// How many passwords are hashed or wait for that at a time, on few or on many cores.
const PLACES: RangeInclusive<usize> = WAITING + 1..=WAITING + 2;

impl Service {
    /// A service that knows john, whose password is doe, and mary, who has none.
    async fn with_passwords() -> Self {
        let service = Self::start().await;
        let password = serde_json::from_value(json!("doe")).unwrap();
        let hash = Passwords::start().place().unwrap().hash(password).await.unwrap();
        service.execute("INSERT INTO users.users (firstname, login) VALUES ('Mary', 'mary')").await;
        sqlx::query("INSERT INTO users.users (firstname, login, password_hash) VALUES ('John', 'john', $1)")
            .bind(hash)
            .execute(&service.owner)
            .await
            .unwrap();
        service
    }

    async fn validate(&self, username: &str, password: &str) -> Result<(), Fault> {
        let answer = self.ask::<ValidateUser>(json!({"username": username, "password": password})).await;
        answer.map(|body| assert_eq!(body, Value::Null))
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.owner).await.unwrap();
    }

    /// The names at which passwords were tried: how often, and for how many seconds they are blocked from the last time on.
    async fn attempts(&self) -> Vec<(String, i32, f64)> {
        let attempts = sqlx::query_as(
            "SELECT username, attempts,
                    CASE WHEN isfinite(blocked_until) THEN extract(epoch FROM blocked_until - attempted_at) ELSE 0 END::float8
             FROM users.login_attempt ORDER BY username",
        );
        attempts.fetch_all(&self.owner).await.unwrap()
    }

    async fn end_blocks(&self) {
        self.execute("UPDATE users.login_attempt SET blocked_until = '-infinity'").await;
    }
}

fn not_found() -> Result<(), Fault> {
    Err(fault(Status::NotFound, "NotFoundError", "User not found"))
}

/// Blocked for so many seconds.
fn blocked(seconds: u32) -> Result<(), Fault> {
    let message = format!("too many wrong passwords for this user name; try again in {seconds} s");
    let details = json!({"seconds": seconds}).as_object().unwrap().clone();
    Err(Fault { details, ..Fault::coded(Status::TooManyRequests, "TooManyRequests", message) })
}

/// Blocked for an hour, of which some seconds may have passed.
fn is_blocked_for_an_hour(outcome: &Result<(), Fault>) -> bool {
    (3_570..=3_600).any(|seconds| *outcome == blocked(seconds))
}

fn busy() -> Result<(), Fault> {
    let message = "too many users are validated at once; try again later";
    Err(fault(Status::TooManyRequests, "TooManyRequests", message))
}

#[tokio::test]
async fn a_user_is_valid_with_the_right_password_and_else_not_found() {
    let service = Service::with_passwords().await;
    assert_eq!(service.validate("john", "doe").await, Ok(()));
    for (username, password) in
        [("john", "Doe"), ("john", ""), ("john", "doe\0"), ("John", "doe"), ("mary", "doe"), ("mary", ""), ("", "doe")]
    {
        assert_eq!(service.validate(username, password).await, not_found(), "{username} {password}");
    }
}

#[tokio::test]
async fn a_name_that_no_user_can_have_is_not_found_and_leaves_no_trace() {
    let service = Service::with_passwords().await;
    for username in [&"é".repeat(129), "john\0", "john\n", ""] {
        assert_eq!(service.validate(username, "doe").await, not_found(), "{username:?}");
    }
    assert!(service.attempts().await.is_empty());
    assert_eq!(service.validate(&"é".repeat(128), "doe").await, not_found());
    assert_eq!(service.attempts().await.len(), 1);
}

#[tokio::test]
async fn a_name_that_no_user_can_have_costs_a_place_like_any_other() {
    let service = Service::with_passwords().await;
    let outcomes = join_all((0..40).map(|_| service.validate("john\0", "doe"))).await;
    let looked_at = outcomes.iter().filter(|outcome| **outcome == not_found()).count();
    assert!(PLACES.contains(&looked_at), "{looked_at}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == busy()).count(), 40 - looked_at);
}

#[tokio::test]
async fn from_the_fifth_on_wrong_passwords_block_a_name_for_ever_longer_up_to_five_minutes() {
    let service = Service::with_passwords().await;
    let seconds = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
    for (attempts, seconds) in (1..).zip(seconds.map(f64::from)) {
        // Known, known without a password, and not known.
        for username in ["john", "mary", "nobody"] {
            assert_eq!(service.validate(username, "wrong").await, not_found(), "{username} {attempts}");
        }
        let expected = ["john", "mary", "nobody"].map(|username| (username.to_owned(), attempts, seconds));
        assert_eq!(service.attempts().await, expected);
        service.end_blocks().await;
    }
    service.execute("UPDATE users.login_attempt SET attempts = 5000").await;
    assert_eq!(service.validate("john", "wrong").await, not_found());
    assert_eq!(service.attempts().await[0], ("john".to_owned(), 5001, 300.0));
}

#[tokio::test]
async fn while_a_name_is_blocked_nothing_is_looked_at_and_nothing_is_counted() {
    let service = Service::with_passwords().await;
    for username in ["john", "nobody"] {
        service.validate(username, "wrong").await.unwrap_err();
    }
    service.execute("UPDATE users.login_attempt SET blocked_until = attempted_at + interval '1 hour'").await;
    let before = service.attempts().await;
    for username in ["john", "nobody"] {
        let outcome = service.validate(username, "doe").await;
        assert!(is_blocked_for_an_hour(&outcome), "{outcome:?}");
    }
    assert_eq!(service.attempts().await, before);
    // Each name is blocked for itself.
    assert_eq!(service.validate("mary", "doe").await, not_found());

    service.execute("UPDATE users.login_attempt SET blocked_until = now() - interval '1 millisecond'").await;
    assert_eq!(service.validate("john", "doe").await, Ok(()));
    assert_eq!(service.validate("nobody", "doe").await, not_found());
}

#[tokio::test]
async fn the_right_password_ends_the_count() {
    let service = Service::with_passwords().await;
    for _ in 0..4 {
        assert_eq!(service.validate("john", "wrong").await, not_found());
    }
    assert_eq!(service.validate("john", "doe").await, Ok(()));
    assert!(service.attempts().await.is_empty());
    assert_eq!(service.validate("john", "wrong").await, not_found());
    assert_eq!(service.attempts().await, [("john".to_owned(), 1, 0.0)]);
}

#[tokio::test]
async fn a_block_holds_for_every_instance_and_after_a_restart() {
    let service = Service::with_passwords().await;
    service.validate("john", "wrong").await.unwrap_err();
    service.execute("UPDATE users.login_attempt SET blocked_until = now() + interval '1 hour'").await;
    let another = Service(Tested::on(service.database.clone(), &SERVICE).await);
    let outcome = another.validate("john", "doe").await;
    assert!(is_blocked_for_an_hour(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn of_fifty_attempts_at_once_no_more_are_looked_at_than_one_after_the_other() {
    let service = Service::with_passwords().await;
    // Connections are made, so that all come within the second for which the fifth attempt blocks the name.
    let others: Vec<_> = (0..8).map(|i| format!("other{i}")).collect();
    join_all(others.iter().map(|other| service.validate(other, "wrong"))).await;
    let outcomes = join_all((0..50).map(|_| service.validate("john", "wrong"))).await;
    let of_kind = |kind: Result<(), Fault>| outcomes.iter().filter(|outcome| **outcome == kind).count();
    assert_eq!((of_kind(not_found()), of_kind(blocked(1)) + of_kind(busy())), (5, 45));
    assert!(of_kind(blocked(1)) > 0);
    assert_eq!(service.attempts().await[0], ("john".to_owned(), 5, 1.0));
}

#[tokio::test]
async fn with_too_many_at_once_the_rest_is_refused_and_not_counted() {
    let service = Service::with_passwords().await;
    let names: Vec<_> = (0..40).map(|i| format!("user{i}")).collect();
    let outcomes = join_all(names.iter().map(|name| service.validate(name, "wrong"))).await;
    let looked_at = outcomes.iter().filter(|outcome| **outcome == not_found()).count();
    assert!(PLACES.contains(&looked_at), "{looked_at}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == busy()).count(), 40 - looked_at);
    assert_eq!(service.attempts().await.len(), looked_at);
    assert_eq!(service.validate("john", "doe").await, Ok(()));
}

#[tokio::test]
async fn names_at_which_nothing_was_attempted_for_an_hour_are_forgotten_as_others_come() {
    let service = Service::with_passwords().await;
    service
        .execute(
            "INSERT INTO users.login_attempt (username, attempts, attempted_at)
             SELECT 'old' || i, 9, now() - interval '61 minutes' FROM generate_series(1, 150) i
             UNION ALL SELECT 'young', 9, now() - interval '59 minutes'",
        )
        .await;
    service.validate("a", "wrong").await.unwrap_err();
    assert_eq!(service.attempts().await.len(), 150 - 100 + 2);
    // One that is known already adds nothing, and lets go of nothing.
    service.validate("a", "wrong").await.unwrap_err();
    assert_eq!(service.attempts().await.len(), 150 - 100 + 2);
    service.validate("b", "wrong").await.unwrap_err();
    let left: Vec<_> = service.attempts().await.into_iter().map(|(username, ..)| username).collect();
    assert_eq!(left, ["a", "b", "young"]);
}

#[tokio::test]
async fn a_stored_hash_that_is_none_is_a_fault_of_ours() {
    let service = Service::with_passwords().await;
    service.execute("UPDATE users.users SET password_hash = 'doe' WHERE login = 'john'").await;
    let broken = fault(Status::Broken, "InternalServerError", "something went wrong; the service's log says what");
    assert_eq!(service.validate("john", "doe").await, Err(broken));
}

#[tokio::test]
async fn an_attempt_changes_no_object() {
    let service = Service::with_passwords().await;
    let changes = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM users.journal").fetch_one(&service.owner).await.unwrap()
    };
    let before = changes().await;
    service.validate("john", "wrong").await.unwrap_err();
    service.validate("john", "doe").await.unwrap();
    assert_eq!(changes().await, before);
    assert_eq!(ValidateUser::DOC.kind, Kind::Attempt);
}

#[tokio::test]
async fn a_password_is_stored_nowhere_and_its_hash_with_the_user_and_among_the_secrets_of_the_journal() {
    let service = Service::with_passwords().await;
    service.validate("john", "a wrong one").await.unwrap_err();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'users' ORDER BY tablename")
            .fetch_all(&service.owner)
            .await
            .unwrap();
    let mut with_hash = Vec::new();
    for table in tables {
        let rows = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM users.{table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&service.owner).await.unwrap();
        assert!(!rows.contains("a wrong one"), "{table}: {rows}");
        if rows.contains("$argon2id$") {
            with_hash.push(table);
        }
    }
    assert_eq!(with_hash, ["journal", "users"]);
    let shown: String = sqlx::query_scalar("SELECT string_agg(concat(before, after), '') FROM users.journal")
        .fetch_one(&service.owner)
        .await
        .unwrap();
    assert!(shown.contains("john") && !shown.contains("$argon2id$"), "{shown}");
}

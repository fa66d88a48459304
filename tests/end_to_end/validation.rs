use std::time::Duration;

use configmgt_users::password::Passwords;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::{
    running::{Running, TOKEN, forget_peak, peak_kib},
    traces::collector,
};

/// What is sent, and the whole of what is answered.
struct Exchange(Value, u16, Value);

const PATH: &str = "2.0/user/validate";

/// Adds a user without the API, as the database's owner, and gives his password's hash.
async fn insert_user(running: &Running, login: &str, password: &str) -> String {
    let password = serde_json::from_value(json!(password)).unwrap();
    let hash = Passwords::start().place().unwrap().hash(password).await.unwrap();
    let pool = running.database().await;
    let mut connection = pool.acquire().await.unwrap();
    // He stands for one who has long been there: his creation is no news.
    sqlx::query("SET session_replication_role = replica").execute(&mut *connection).await.unwrap();
    sqlx::query("INSERT INTO users.users (firstname, login, password_hash) VALUES ('John', $1, $2)")
        .bind(login)
        .bind(&hash)
        .execute(&mut *connection)
        .await
        .unwrap();
    drop(connection);
    pool.close().await;
    hash
}

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    insert_user(&running, "john", "doe").await;
    let user = |username: &str, password: &str| json!({"username": username, "password": password});
    let not_found = json!({"error": "NotFoundError", "message": "User not found"});
    let refused = |message: &str| json!({"error": "BadRequest", "message": message});
    let nothing = || json!("");
    let no_string = "the body does not fit at password: invalid type: a number, expected a string at line 1 column 16";
    let too_long = "the body does not fit at password: a password has at most 1024 bytes at line 1 column 1039";
    let exchanges = [
        Exchange(user("john", "doe"), 204, nothing()),
        Exchange(user("john", "wrong"), 404, not_found.clone()),
        Exchange(user("nobody", "doe"), 404, not_found.clone()),
        Exchange(user(&"j".repeat(129), "doe"), 404, not_found.clone()),
        Exchange(user("john\0", "doe"), 404, not_found),
        Exchange(json!({"password": 1234}), 400, refused(no_string)),
        Exchange(json!({"password": "x".repeat(1025)}), 400, refused(too_long)),
        Exchange(user("john", "doe"), 204, nothing()),
    ];
    for Exchange(body, status, answer) in exchanges {
        let said = body.to_string();
        assert_eq!(running.ask("POST", PATH, Some(body)).await, (status, answer), "{said}");
    }
    let (status, answer) = running.ask("GET", PATH, None).await;
    assert_eq!((status, &answer["error"]), (405, &json!("MethodNotAllowed")));
}

#[tokio::test]
async fn passwords_are_hashed_in_memory_that_is_taken_once() {
    let running = Running::start().await;
    let create = async |login: &str| {
        let user = json!({"firstname": "John", "login": login, "password": "doe"});
        assert_eq!(running.ask("POST", "2.0/users", Some(user)).await.0, 201);
    };
    create("first").await;
    let users = running.service("users");
    forget_peak(users);
    let before = peak_kib(users);
    for number in 0..20 {
        create(&format!("user{number}")).await;
        let unknown = json!({"username": format!("nobody{number}"), "password": "doe"});
        assert_eq!(running.ask("POST", PATH, Some(unknown)).await.0, 404);
    }
    let growth = peak_kib(users) - before;
    // A second hash's memory would be 19 MiB.
    assert!(growth < 16 * 1024, "grew by {growth} KiB");
}

#[tokio::test]
async fn a_blocked_name_is_told_to_ask_later_also_after_a_restart() {
    let mut running = Running::start().await;
    insert_user(&running, "john", "doe").await;
    let pool = running.database().await;
    running.ask("POST", PATH, Some(json!({"username": "john", "password": "wrong"}))).await;
    sqlx::query("UPDATE users.login_attempt SET attempts = 5, blocked_until = now() + interval '1 hour'")
        .execute(&pool)
        .await
        .unwrap();
    let place = running.services.iter().position(|service| service.name() == "users").unwrap();
    running.services.remove(place).stop(Duration::from_secs(20)).unwrap();
    running.services.push(running.site.spawn("users").unwrap());
    running.ready().await;
    let answer = running.send("POST", PATH, Some(json!({"username": "john", "password": "doe"}))).await;
    let seconds: u32 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    // Some of the hour have passed.
    assert_eq!((answer.status().as_u16(), (3_540..=3_600).contains(&seconds)), (429, true), "{seconds}");
    let message = format!("too many wrong passwords for this user name; try again in {seconds} s");
    let blocked = json!({"error": "TooManyRequests", "message": message, "seconds": seconds});
    assert_eq!(answer.json::<Value>().await.unwrap(), blocked);
}

#[tokio::test]
async fn a_password_and_its_hash_show_nowhere() {
    let (collector, mut spans) = collector().await;
    let settings = [("RUST_LOG", "debug"), ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str())];
    let running = Running::with_settings(&settings).await;
    let hash = insert_user(&running, "john", "the right one").await;
    let secrets = ["the right one", "a wrong one", "987654321", hash.as_str()];
    let assert_none = |text: &str| assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");

    // What crosses the bus: the request itself is the one message that may hold a password.
    let bus = running.bus().await;
    let mut messages = bus.subscribe(">").await.unwrap();
    // When this comes back, the server knows of the subscription.
    bus.publish("marker", "".into()).await.unwrap();
    messages.next().await.unwrap();
    for password in [json!("the right one"), json!("a wrong one"), json!(987_654_321), json!(["a wrong one"])] {
        let (_, answer) = running.ask("POST", PATH, Some(json!({"username": "john", "password": password}))).await;
        assert_none(&answer.to_string());
    }
    let (status, history) = running.ask("GET", "2.0/changes?objectType=user", None).await;
    assert_eq!(status, 200);
    assert_none(&history.to_string());
    let inbox = bus.new_inbox();
    bus.publish_with_reply("$SRV.STATS.users", inbox.clone(), "".into()).await.unwrap();
    let (mut requests, mut done) = (0, false);
    while !done {
        let message = messages.next().await.unwrap();
        if message.subject.as_str() == "configmgt.request.users.validation.validate" {
            requests += 1;
        } else {
            assert_none(&String::from_utf8_lossy(&message.payload));
            assert_none(&format!("{:?}", message.headers));
        }
        done = message.subject.as_str() == inbox;
    }
    assert_eq!(requests, 2);

    let Running { edge, services, log, .. } = running;
    // Beside this task, which receives the last spans meanwhile.
    let stopping = tokio::task::spawn_blocking(move || {
        for process in services.iter().chain([&edge]) {
            process.stop(Duration::from_secs(20)).unwrap();
        }
    });
    stopping.await.unwrap();
    let (mut log, mut lines, mut of_it) = (log.into_inner(), 0, 0);
    while let Ok(line) = log.try_recv() {
        lines += 1;
        assert!(!line.contains(TOKEN), "{line}");
        assert_none(&line);
    }
    while let Ok((_, span)) = spans.try_recv() {
        of_it += usize::from(span.name == "validation-validate");
        assert_none(&format!("{span:?}"));
    }
    assert!(lines > 10 && of_it == 2, "{lines} lines and {of_it} spans");
}

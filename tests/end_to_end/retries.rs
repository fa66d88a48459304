use std::time::Duration;

use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    observed::assert_complete,
    running::{Running, TOKEN},
};

/// Status, `ETag` and body.
type Answer = (u16, Option<String>, Value);

async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    (answer.status().as_u16(), tag, answer.json().await.unwrap())
}

fn room(name: &str, number: u32) -> Value {
    json!({"name": name, "displayName": name, "number": number})
}

#[tokio::test]
async fn a_write_repeated_with_its_key_is_carried_out_once_and_answered_the_same() {
    let running = Running::start().await;
    let create = || {
        answer(running.request("POST", "2.0/meetingrooms", Some(room("a", 1))).header("Idempotency-Key", "create-a"))
    };
    let first = create().await;
    assert_eq!(first, (200, Some("\"1\"".to_owned()), json!({"id": 1, "name": "a", "displayName": "a", "number": 1})));
    assert_eq!(create().await, first);
    let delete = || answer(running.request("DELETE", "2.0/meetingrooms/1", None).header("Idempotency-Key", "delete-a"));
    let deleted = delete().await;
    assert_eq!(deleted.0, 200);
    assert_eq!(delete().await, deleted);
    assert_eq!(create().await, first);
    assert_eq!(running.ask("GET", "2.0/meetingrooms", None).await, (200, json!([])));
    assert_eq!(assert_complete(&running).await, 2);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_write_is_refused() {
    let running = Running::start().await;
    let create = |room| answer(running.request("POST", "2.0/meetingrooms", Some(room)).header("Idempotency-Key", "k"));
    assert_eq!(create(room("a", 1)).await.0, 200);
    let refusal =
        json!({"error": "UnprocessableEntity", "message": "the Idempotency-Key was used for another request"});
    assert_eq!(create(room("b", 2)).await, (422, None, refusal.clone()));
    let deletion = running.request("DELETE", "2.0/meetingrooms/1", None).header("Idempotency-Key", "k");
    assert_eq!(answer(deletion).await, (422, None, refusal));
}

#[tokio::test]
async fn a_refused_write_leaves_its_key_free() {
    let running = Running::start().await;
    let create = |room| answer(running.request("POST", "2.0/meetingrooms", Some(room)).header("Idempotency-Key", "k"));
    assert_eq!(create(room("", 1)).await.0, 400);
    assert_eq!(create(room("a", 1)).await.0, 200);
}

#[tokio::test]
async fn of_many_writes_with_one_key_at_once_one_is_carried_out_and_all_are_answered_the_same() {
    let running = Running::start().await;
    let _second = running.another_meetingroom().await;
    for round in 0..5 {
        let create = |_| {
            let room = room(&format!("r{round}"), 100 + round);
            let request = running.request("POST", "2.0/meetingrooms", Some(room));
            answer(request.header("Idempotency-Key", format!("round-{round}")))
        };
        let answers = join_all((0..12).map(create)).await;
        assert_eq!(answers[0].0, 200);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    assert_eq!(assert_complete(&running).await, 5);
}

#[tokio::test]
async fn a_key_holds_when_the_service_dies_between_the_commit_and_the_answer() {
    let mut running = Running::start().await;
    running.take_meetingroom().stop(Duration::from_secs(20)).unwrap();
    let dying = running.meetingroom_with(&[("CONFIGMGT_FAIL_POINT", "after-commit")]).await;
    let create = || {
        answer(running.request("POST", "2.0/meetingrooms", Some(room("a", 1))).header("Idempotency-Key", "create-a"))
    };
    let unknown = create().await;
    assert!([503, 504].contains(&unknown.0), "{unknown:?}");
    assert!(!dying.wait().await.success());
    let _next = running.another_meetingroom().await;
    assert_eq!(
        create().await,
        (200, Some("\"1\"".to_owned()), json!({"id": 1, "name": "a", "displayName": "a", "number": 1}))
    );
    assert_eq!(assert_complete(&running).await, 1);
}

#[tokio::test]
async fn a_key_holds_when_edge_and_nats_die_after_the_commit() {
    let mut running = Running::start().await;
    let created = running.request("POST", "2.0/meetingrooms", Some(room("a", 1))).header("Idempotency-Key", "k");
    let first = answer(created).await;
    running.nats.kill().unwrap();
    running.edge.kill().unwrap();
    running.nats.restart().unwrap();
    running.edge = running.site.spawn("edge").unwrap();
    running.ready().await;
    let repeated = running.request("POST", "2.0/meetingrooms", Some(room("a", 1))).header("Idempotency-Key", "k");
    assert_eq!(answer(repeated).await, first);
    assert_eq!(assert_complete(&running).await, 1);
}

#[tokio::test]
async fn a_write_that_expects_a_version_is_carried_out_on_that_version_only() {
    let running = Running::start().await;
    running.ask("POST", "2.0/meetingrooms", Some(room("a", 1))).await;
    let update = |name: &str, tag: &str| {
        let room = json!({"id": 1, "name": name, "displayName": "a", "number": 1});
        answer(running.request("PUT", "2.0/meetingrooms", Some(room)).header("If-Match", tag))
    };
    let stale = |version| {
        let message = format!("the object has version {version}");
        (412, None, json!({"error": "PreconditionFailed", "message": message}))
    };
    assert_eq!(update("b", "\"1\"").await.1, Some("\"2\"".to_owned()));
    assert_eq!(update("c", "\"1\"").await, stale(2));
    assert_eq!(update("c", "W/\"2\"").await, stale(2));
    assert_eq!(update("c", "\"one\"").await, stale(2));
    // Also where nothing would change.
    assert_eq!(update("b", "\"1\"").await, stale(2));
    assert_eq!(update("c", "\"1\", \"2\"").await.1, Some("\"3\"".to_owned()));
    assert_eq!(update("d", "*").await.1, Some("\"4\"".to_owned()));
    assert_eq!(update("e", "4").await.0, 400);

    let delete = |tag: &str| answer(running.request("DELETE", "2.0/meetingrooms/1", None).header("If-Match", tag));
    assert_eq!(delete("\"3\"").await, stale(4));
    assert_eq!(delete("\"4\"").await.0, 200);
    let create = running.request("POST", "2.0/meetingrooms", Some(room("n", 2))).header("If-Match", "*");
    let refusal = json!({"error": "PreconditionFailed", "message": "there is no such object yet"});
    assert_eq!(answer(create).await, (412, None, refusal));
    assert_eq!(assert_complete(&running).await, 5);
}

#[tokio::test]
async fn of_many_writes_that_expect_one_version_one_is_carried_out() {
    let running = Running::start().await;
    running.ask("POST", "2.0/meetingrooms", Some(room("a", 1))).await;
    let updates = (0..12).map(|turn| {
        let room = json!({"id": 1, "name": "a", "displayName": format!("turn {turn}"), "number": 1});
        answer(running.request("PUT", "2.0/meetingrooms", Some(room)).header("If-Match", "\"1\""))
    });
    let mut statuses: Vec<_> = join_all(updates).await.into_iter().map(|answer| answer.0).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[412; 11]].concat());
    assert_eq!(assert_complete(&running).await, 2);
}

#[tokio::test]
async fn a_token_has_its_own_keys() {
    let running = Running::start().await;
    // Kept with the name of the token, never with the token.
    let create = running.request("POST", "2.0/meetingrooms", Some(room("a", 1))).header("Idempotency-Key", "k");
    assert_eq!(answer(create).await.0, 200);
    let pool = running.database().await;
    let keys: Vec<(String, String)> =
        sqlx::query_as("SELECT actor, key FROM meetingroom.idempotency").fetch_all(&pool).await.unwrap();
    assert_eq!(keys, [("PLAY_AUTH_TOKEN".to_owned(), "client/k".to_owned())]);
    assert!(!keys[0].0.contains(TOKEN));
}

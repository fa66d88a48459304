use serde_json::{Value, json};

use crate::running::Running;

async fn changes(running: &Running, query: &str) -> Value {
    let (status, changes) = running.ask("GET", &format!("2.0/changes?{query}"), None).await;
    assert_eq!(status, 200, "{changes}");
    changes
}

fn ids(changes: &Value) -> Vec<(String, i64)> {
    let changes = changes["list"].as_array().unwrap().iter();
    changes
        .map(|change| (change["objectId"].as_str().unwrap().to_owned(), change["version"].as_i64().unwrap()))
        .collect()
}

fn room(id: i32, name: &str, pin: &str) -> Value {
    json!({"id": id, "name": name, "displayName": name, "number": 1000 + id, "userPin": pin})
}

async fn last_change(running: &Running) -> String {
    changes(running, "limit=1").await["list"][0]["eventId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_history_has_every_change_and_never_a_pin() {
    let running = Running::start().await;
    running.ask("POST", "2.0/meetingrooms", Some(room(1, "a", "7777"))).await;
    running.ask("PUT", "2.0/meetingrooms", Some(room(1, "a", "8888"))).await;
    let (status, history) = running.ask("GET", "2.0/changes?objectType=meetingroom", None).await;
    assert_eq!((status, &history["total"]), (200, &json!(2)));
    let state = json!({"id": 1, "name": "a", "displayName": "a", "number": 1001});
    let update = &history["list"][0];
    let expected = json!({
        "eventId": update["eventId"], "objectType": "meetingroom", "objectId": "1", "version": 2, "action": "updated",
        "actor": "PLAY_AUTH_TOKEN", "occurredAt": update["occurredAt"], "changedFields": ["userPin"],
        "before": state, "after": state,
    });
    assert_eq!(*update, expected);
    assert!(!history.to_string().contains("7777") && !history.to_string().contains("8888"));
    let id = update["eventId"].as_str().unwrap();
    assert_eq!(running.ask("GET", &format!("2.0/changes/{id}"), None).await, (200, expected));
}

#[tokio::test]
async fn the_history_is_filtered_and_paged_newest_first() {
    let running = Running::start().await;
    for id in 1..=3 {
        running.ask("POST", "2.0/meetingrooms", Some(room(id, &format!("r{id}"), "1"))).await;
    }
    let middle = changes(&running, "limit=1").await["list"][0]["occurredAt"].as_str().unwrap().to_owned();
    running.ask("DELETE", "2.0/meetingrooms/2", None).await;
    let of = async |query: &str| {
        let changes = changes(&running, query).await;
        (changes["total"].as_i64().unwrap(), ids(&changes))
    };
    let known = [("2", 2), ("3", 1), ("2", 1), ("1", 1)];
    let known = known.map(|(id, version)| (id.to_owned(), version));
    assert_eq!(of("").await, (4, known.to_vec()));
    assert_eq!(of("objectType=&objectId=").await, (4, known.to_vec()));
    assert_eq!(of("limit=2&offset=1").await, (4, known[1..3].to_vec()));
    assert_eq!(of("offset=9").await, (4, Vec::new()));
    assert_eq!(of("limit=0").await, (4, Vec::new()));
    assert_eq!(of("objectType=meetingroom&objectId=2").await, (2, vec![known[0].clone(), known[2].clone()]));
    assert_eq!(of("objectType=nothing").await, (0, Vec::new()));
    assert_eq!(of("actor=PLAY_AUTH_TOKEN").await.0, 4);
    assert_eq!(of("actor=nobody").await.0, 0);
    assert_eq!(of(&format!("since={middle}")).await, (2, known[..2].to_vec()));
    assert_eq!(of(&format!("until={middle}")).await, (2, known[2..].to_vec()));
}

#[tokio::test]
async fn a_query_that_cannot_be_is_refused_by_the_name_of_its_parameter() {
    let running = Running::start().await;
    for (query, message) in [
        ("since=yesterday", "since: 'yesterday' is no time like 2026-11-24T09:30:00Z"),
        ("limit=-1", "limit: '-1' is no whole number from 0 to 1000"),
        ("limit=x", "limit: 'x' is no whole number from 0 to 1000"),
        ("offset=10001", "offset: '10001' is no whole number from 0 to 10000"),
    ] {
        let refused = running.ask("GET", &format!("2.0/changes?{query}"), None).await;
        assert_eq!(refused, (400, json!({"error": "BadRequest", "message": message})));
    }
    let nowhere = "01900000-0000-7000-8000-000000000000";
    let unknown = (404, json!({"error": "ChangeNotFound", "message": format!("Change {nowhere} not found")}));
    assert_eq!(running.ask("GET", &format!("2.0/changes/{nowhere}"), None).await, unknown);
    assert_eq!(running.ask("POST", &format!("2.0/changes/{nowhere}/revert"), None).await, unknown);
    assert_eq!(running.ask("GET", "2.0/changes/7", None).await.0, 400);
}

#[tokio::test]
async fn a_revert_puts_the_object_back_with_its_secrets_and_is_a_change_itself() {
    let running = Running::start().await;
    let (first, second) = (room(1, "first", "0007"), room(1, "second", "8888"));
    running.ask("POST", "2.0/meetingrooms", Some(first.clone())).await;
    let creation = last_change(&running).await;
    running.ask("PUT", "2.0/meetingrooms", Some(second.clone())).await;
    let update = last_change(&running).await;

    let (status, reverted) = running.ask("POST", &format!("2.0/changes/{update}/revert"), None).await;
    assert_eq!((status, &reverted["version"], &reverted["action"]), (200, &json!(3), &json!("updated")));
    assert_eq!(reverted["changedFields"], json!(["displayName", "name", "userPin"]));
    assert_eq!(running.ask("GET", "2.0/meetingrooms/1", None).await, (200, first.clone()));

    let newer = reverted["eventId"].as_str().unwrap();
    let message = format!("the object was changed since: change {newer} made version 3 of it");
    let superseded = (409, json!({"error": "Superseded", "message": message}));
    assert_eq!(running.ask("POST", &format!("2.0/changes/{update}/revert"), None).await, superseded);
    assert_eq!(running.ask("POST", &format!("2.0/changes/{creation}/revert"), None).await, superseded);

    let revert_of_revert = running.ask("POST", &format!("2.0/changes/{newer}/revert"), None).await;
    assert_eq!(revert_of_revert.0, 200);
    let (_, again) = running.ask("GET", "2.0/meetingrooms/1", None).await;
    assert_eq!((&again["name"], &again["userPin"]), (&second["name"], &json!(8888)));
}

#[tokio::test]
async fn a_creation_and_a_deletion_can_be_reverted_unless_something_is_in_the_way() {
    let running = Running::start().await;
    running.ask("POST", "2.0/meetingrooms", Some(room(1, "a", "1"))).await;
    let creation = last_change(&running).await;
    assert_eq!(running.ask("POST", &format!("2.0/changes/{creation}/revert"), None).await.0, 200);
    assert_eq!(running.ask("GET", "2.0/meetingrooms/1", None).await.0, 404);

    let deletion = last_change(&running).await;
    running.ask("POST", "2.0/meetingrooms", Some(json!({"name": "a", "displayName": "a", "number": 5}))).await;
    let message = "the former state contradicts what is stored: \
                   duplicate key value violates unique constraint \"meetingroom_name_key\"";
    let refused = running.ask("POST", &format!("2.0/changes/{deletion}/revert"), None).await;
    assert_eq!(refused, (409, json!({"error": "Conflict", "message": message})));
    running.ask("DELETE", "2.0/meetingrooms/2", None).await;
    assert_eq!(running.ask("POST", &format!("2.0/changes/{deletion}/revert"), None).await.0, 200);
    assert_eq!(running.ask("GET", "2.0/meetingrooms/1", None).await, (200, room_with_pin_as_number()));
}

fn room_with_pin_as_number() -> Value {
    json!({"id": 1, "name": "a", "displayName": "a", "number": 1001, "userPin": 1})
}

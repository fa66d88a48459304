use std::collections::HashMap;

use serde_json::json;

use crate::{observed::assert_complete, running::Running};

#[tokio::test]
async fn each_change_is_an_event_with_the_object_before_and_after_it() {
    let running = Running::start().await;
    let room = json!({"name": "board", "displayName": "Board", "number": 1050, "userPin": "0420"});
    let create = running.request("POST", "2.0/meetingrooms", Some(room)).header("X-Request-Id", "r1");
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(create.header("traceparent", traceparent).send().await.unwrap().status(), 200);
    let changed = json!({"id": 1, "name": "board", "displayName": "Staff", "number": 1050, "userPin": 7});
    running.ask("PUT", "2.0/meetingrooms", Some(changed)).await;
    running.ask("DELETE", "2.0/meetingrooms/1", None).await;

    let board = json!({"id": 1, "name": "board", "displayName": "Board", "number": 1050});
    let staff = json!({"id": 1, "name": "board", "displayName": "Staff", "number": 1050});
    let all = ["displayName", "id", "name", "number", "userPin"];
    let expected = [
        ("created", json!({"after": board, "changedFields": all})),
        ("updated", json!({"before": board, "after": staff, "changedFields": ["displayName", "userPin"]})),
        ("deleted", json!({"before": staff, "changedFields": all})),
    ];
    let (_, history) = running.ask("GET", "2.0/changes", None).await;
    for (version, (action, body)) in (1_usize..).zip(expected) {
        let event = running.events.next().await;
        assert_eq!(event.subject, format!("configmgt.event.meetingroom.meetingroom.1.{action}"));
        assert_eq!(event.body, body);
        let change = &history["list"][3 - version];
        let mut headers: HashMap<_, _> =
            event.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // What the relay and the server need among themselves.
        let internal = ["Nats-Expected-", "Nats-Batch-", "Configmgt-Epoch"];
        headers.retain(|name, _| !internal.iter().any(|prefix| name.starts_with(prefix)));
        let (kind, version) = (format!("configmgt.meetingroom.{action}"), version.to_string());
        let mut expected = HashMap::from([
            ("Nats-Msg-Id", change["eventId"].as_str().unwrap()),
            ("ce-specversion", "1.0"),
            ("ce-id", change["eventId"].as_str().unwrap()),
            ("ce-type", &kind),
            ("ce-source", "/configmgt/meetingroom"),
            ("ce-time", change["occurredAt"].as_str().unwrap()),
            ("ce-subject", "meetingroom/1"),
            ("ce-objectversion", &version),
            ("ce-actor", "PLAY_AUTH_TOKEN"),
            ("content-type", "application/json"),
        ]);
        if action == "created" {
            expected.insert("ce-traceparent", traceparent);
        }
        assert_eq!(headers, expected);
    }
    assert_eq!(assert_complete(&running).await, 3);
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_is_no_change() {
    let running = Running::start().await;
    let room = json!({"id": 1, "name": "board", "displayName": "Board", "number": 1050});
    running.ask("POST", "2.0/meetingrooms", Some(room.clone())).await;
    assert_eq!(running.ask("POST", "2.0/meetingrooms", Some(room.clone())).await.0, 400);
    assert_eq!(running.ask("DELETE", "2.0/meetingrooms/2", None).await.0, 404);
    let same = running.send("PUT", "2.0/meetingrooms", Some(room)).await;
    assert_eq!((same.status().as_u16(), same.headers()["etag"].to_str().unwrap()), (200, "\"1\""));
    assert_eq!(assert_complete(&running).await, 1);
}

#[tokio::test]
async fn the_versions_of_a_room_go_on_when_it_is_created_again() {
    let running = Running::start().await;
    let room = json!({"name": "board", "displayName": "Board", "number": 1050});
    running.ask("POST", "2.0/meetingrooms", Some(room)).await;
    running.ask("DELETE", "2.0/meetingrooms/1", None).await;
    let (_, history) = running.ask("GET", "2.0/changes?objectType=meetingroom&objectId=1", None).await;
    let deletion = history["list"][0]["eventId"].as_str().unwrap().to_owned();
    let (status, creation) = running.ask("POST", &format!("2.0/changes/{deletion}/revert"), None).await;
    assert_eq!((status, &creation["version"], &creation["action"]), (200, &json!(3), &json!("created")));
    let again = running.send("GET", "2.0/meetingrooms/1", None).await;
    assert_eq!(again.headers()["etag"], "\"3\"");
    assert_eq!(assert_complete(&running).await, 3);
}

#[tokio::test]
async fn a_change_that_commits_behind_later_ones_is_published_all_the_same() {
    let running = Running::start().await;
    let database = running.database().await;
    let mut slow = database.begin().await.unwrap();
    sqlx::query("INSERT INTO meetingroom.meetingroom (name, display_name, number) VALUES ('slow', 'Slow', 1)")
        .execute(&mut *slow)
        .await
        .unwrap();
    for number in 2..=20 {
        let room = json!({"name": number.to_string(), "displayName": "Quick", "number": number});
        running.ask("POST", "2.0/meetingrooms", Some(room)).await;
        let event = running.events.next().await;
        assert_eq!(event.body["after"]["number"], number);
    }
    slow.commit().await.unwrap();
    assert_eq!(running.events.next().await.body["after"]["name"], "slow");
    assert_eq!(assert_complete(&running).await, 20);
}

use serde_json::json;

use crate::running::{Exchange, Running};

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    let room1 =
        json!({"id": 1, "name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234});
    let room2 = json!({"id": 2, "name": "myConfRoom2", "displayName": "My Conf Room 2", "number": 1051});
    let new1 = json!({"name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234});
    let new2 = json!({"name": "myConfRoom2", "displayName": "My Conf Room 2", "number": 1051});
    let changed = json!({"id": 1, "name": "myConfRoom1", "displayName": "Board", "number": 1060});
    let find = json!({"filters": [{"field": "name", "operator": "=", "value": "myConfRoom1", "order": "ASC"}],
                      "offset": 0, "limit": 100});
    let duplicate = json!({"error": "Duplicate",
                           "message": "duplicate key value violates unique constraint \"meetingroom_name_key\""});
    let unknown = json!({"error": "NotFoundError", "message": "Meeting room 1 not found"});
    let exchanges = [
        Exchange("GET", "2.0/meetingrooms", None, 200, json!([])),
        Exchange("POST", "2.0/meetingrooms", Some(new1.clone()), 200, room1.clone()),
        Exchange("POST", "2.0/meetingrooms", Some(new2), 200, room2.clone()),
        Exchange("POST", "2.0/meetingrooms", Some(new1), 400, duplicate),
        Exchange("GET", "2.0/meetingrooms/1", None, 200, room1.clone()),
        Exchange("GET", "2.0/meetingrooms", None, 200, json!([room1, room2])),
        Exchange("GET", "2.0//meetingrooms", None, 200, json!([room1, room2])),
        Exchange("POST", "2.0/meetingrooms/find", Some(find), 200, json!({"total": 1, "list": [room1]})),
        Exchange("PUT", "2.0/meetingrooms", Some(room1.clone()), 200, room1.clone()),
        Exchange("PUT", "2.0/meetingrooms", Some(changed.clone()), 200, changed.clone()),
        Exchange("DELETE", "2.0/meetingrooms/1", None, 200, changed.clone()),
        Exchange("GET", "2.0/meetingrooms/1", None, 404, unknown.clone()),
        Exchange("PUT", "2.0/meetingrooms", Some(changed), 404, unknown.clone()),
        Exchange("DELETE", "2.0/meetingrooms/1", None, 404, unknown),
    ];
    running.answers(exchanges).await;
}

#[tokio::test]
async fn of_many_creations_of_one_room_one_wins() {
    let running = Running::start().await;
    let room = json!({"name": "contested", "displayName": "Contested", "number": 7000});
    let creations = (0..12).map(|_| running.ask("POST", "2.0/meetingrooms", Some(room.clone())));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(creations).await.into_iter().map(|(status, _)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[400; 11]].concat());
}

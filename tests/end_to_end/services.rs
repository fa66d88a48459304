use serde_json::json;

use crate::running::{Exchange, Running};

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running.create_users(&[("user", "A", "a")]).await;
    let off = json!({"enabled": false, "destination": ""});
    let all_off = json!({"dndEnabled": false, "busy": off, "noanswer": off, "unconditional": off});
    let forward = |destination: &str| json!({"enabled": false, "destination": destination});
    let services = |dnd: bool| json!({"dndEnabled": dnd, "busy": forward("1002"), "noanswer": forward("123"), "unconditional": forward("1001")});
    let partial = json!({"dndEnabled": false});
    let unknown = json!({"error": "UserNotFound", "message": "User 9 not found"});
    let enabled = json!({"busy": {"enabled": true, "destination": ""}});
    let no_destination = json!({"error": "BadRequest", "message": "busy cannot be enabled without a destination"});
    running
        .answers([
            Exchange("GET", "2.0/users/1/services", None, 200, all_off),
            Exchange("PUT", "2.0/users/1/services", Some(services(true)), 200, services(true)),
            Exchange("GET", "2.0/users/1/services", None, 200, services(true)),
            Exchange("PUT", "2.0/users/1/services", Some(partial.clone()), 200, partial.clone()),
            Exchange("GET", "2.0/users/1/services", None, 200, services(false)),
            Exchange("PUT", "2.0/users/1/services", Some(enabled), 400, no_destination),
            Exchange("GET", "2.0/users/1/services", None, 200, services(false)),
            Exchange("GET", "2.0/users/9/services", None, 404, unknown.clone()),
            Exchange("PUT", "2.0/users/9/services", Some(partial), 404, unknown),
        ])
        .await;
}

use serde_json::json;

use crate::running::{Exchange, Running};

const DEVICE: &str = "2.0/users/3/preferences/preferred_device";
const OTHER: &str = "2.0/users/3/preferences/other_preference";

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running.create_users(&[("user", "A", "a"), ("user", "B", "b"), ("user", "C", "c")]).await;
    let phone = json!({"value": "phone", "value_type": "String"});
    let webrtc = json!({"value": "webrtc", "value_type": "string"});
    let listed = json!([
        {"key": "preferred_device", "value": "phone", "value_type": "String"},
        {"key": "other_preference", "value": "42", "value_type": "number"},
    ]);
    let not_set = |key: &str| json!({"error": "PreferenceNotFound", "message": format!("Preference {key} is not set for user 3")});
    let already = json!({"error": "Duplicate", "message": "Preference preferred_device is already set for user 3"});
    let unknown = json!({"error": "UserNotFound", "message": "User 9 not found"});
    let sms = json!({"value": "sms", "value_type": "String"});
    let no_device =
        json!({"error": "BadRequest", "message": "the value of preferred_device is neither phone nor webrtc"});
    let done = || json!("");
    running
        .answers([
            Exchange("GET", "2.0/users/3/preferences", None, 200, json!([])),
            Exchange("GET", DEVICE, None, 404, not_set("preferred_device")),
            Exchange("PUT", DEVICE, Some(phone.clone()), 404, not_set("preferred_device")),
            Exchange("DELETE", DEVICE, None, 404, not_set("preferred_device")),
            Exchange("POST", DEVICE, Some(phone.clone()), 204, done()),
            Exchange("POST", DEVICE, Some(phone.clone()), 409, already),
            Exchange("GET", DEVICE, None, 200, phone.clone()),
            Exchange("POST", OTHER, Some(json!({"value": 42, "value_type": "number"})), 204, done()),
            Exchange("GET", "2.0/users/3/preferences", None, 200, listed),
            Exchange("PUT", DEVICE, Some(webrtc.clone()), 204, done()),
            Exchange("PUT", DEVICE, Some(sms), 400, no_device),
            Exchange("GET", DEVICE, None, 200, webrtc),
            Exchange("DELETE", OTHER, None, 204, done()),
            Exchange("DELETE", OTHER, None, 404, not_set("other_preference")),
            Exchange("GET", "2.0/users/9/preferences", None, 404, unknown.clone()),
            Exchange("POST", "2.0/users/9/preferences/a", Some(phone), 404, unknown),
        ])
        .await;
}

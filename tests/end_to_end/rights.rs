use serde_json::json;

use crate::running::{Exchange, Running};

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running
        .create_users(&[("James", "Bond", "jbond"), ("Jean", "Ménage", "jmenage"), ("Jocelyn", "Urbain", "jurbain")])
        .await;
    let supervisor = json!({"type": "supervisor", "data": {
        "queueIds": [3, 2, 1, 7], "groupIds": [3, 1, 2], "incallIds": [],
        "recordingAccess": true, "dissuasionAccess": false}});
    let teacher = json!({"type": "teacher", "data": {"queueIds": [], "groupIds": [], "incallIds": []}});
    let admin = json!({"type": "admin", "data": {}});
    let users = json!([
        {"name": "Ménage", "firstname": "Jean", "login": "jmenage", "profile": "teacher"},
        {"name": "Urbain", "firstname": "Jocelyn", "login": "jurbain", "profile": "admin"},
    ]);
    let no_profile = json!({"error": "NotFoundError", "message": "User jbond has no profile"});
    let unknown = json!({"error": "NotFoundError", "message": "User m not found"});
    let not_a_teachers = json!({"type": "teacher", "data": {"recordingAccess": true}});
    running
        .answers([
            Exchange("GET", "1.0/users", None, 200, json!([])),
            Exchange("GET", "1.0/rights/user/jbond", None, 404, no_profile.clone()),
            Exchange("POST", "1.0/rights/user/jbond", Some(supervisor.clone()), 200, supervisor.clone()),
            Exchange("GET", "1.0/rights/user/jbond", None, 200, supervisor),
            Exchange("POST", "1.0/rights/user/jmenage", Some(not_a_teachers), 200, teacher),
            Exchange("POST", "1.0/rights/user/jurbain", Some(json!({"type": "admin"})), 200, admin),
            Exchange("DELETE", "1.0/rights/user/jbond", None, 204, json!("")),
            Exchange("DELETE", "1.0/rights/user/jbond", None, 404, no_profile),
            Exchange("GET", "1.0/users", None, 200, users),
            Exchange("GET", "1.0/rights/user/m", None, 404, unknown.clone()),
            Exchange("POST", "1.0/rights/user/m", Some(json!({"type": "admin"})), 404, unknown.clone()),
            Exchange("DELETE", "1.0/rights/user/m", None, 404, unknown),
        ])
        .await;
}

#[tokio::test]
async fn a_body_that_is_no_right_is_refused_by_field() {
    let running = Running::start().await;
    running.create_users(&[("James", "Bond", "jbond")]).await;
    for (field, body) in [
        ("type", json!({"type": "manager"})),
        ("data", json!({"type": "admin", "data": "all"})),
        ("data.queueIds", json!({"type": "teacher", "data": {"queueIds": "1,2"}})),
        ("data.queueIds[1]", json!({"type": "teacher", "data": {"queueIds": [1, 3_000_000_000_u32]}})),
        ("data.recordingAccess", json!({"type": "supervisor", "data": {"recordingAccess": "yes"}})),
        ("data.start", json!({"type": "teacher", "data": {"start": "2026-02-30"}})),
        ("data.end", json!({"type": "teacher", "data": {"end": "tomorrow"}})),
        ("data.end", json!({"type": "teacher", "data": {"end": 20_261_231}})),
    ] {
        let (status, answer) = running.ask("POST", "1.0/rights/user/jbond", Some(body)).await;
        let message = answer["message"].as_str().unwrap();
        assert_eq!((status, &answer["error"]), (400, &json!("BadRequest")), "{message}");
        assert!(message.starts_with(&format!("the body does not fit at {field}: ")), "{message}");
    }
    assert_eq!(running.ask("GET", "1.0/rights/user/a%00b", None).await.0, 400);
}

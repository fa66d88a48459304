use serde_json::{Value, json};

use crate::running::{Exchange, Running};

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running.create_users(&[("user", "A", "a"), ("user", "B", "b")]).await;
    let unable = |doing: &str, user: i32| json!({"error": "LineNotFound", "message": format!("Unable to {doing} line for user Id {user}")});
    let wanted =
        json!({"lineType": "phone", "context": "default", "site": "default", "extension": "1000", "lineNum": 1});
    running
        .answers([
            Exchange("GET", "2.0/users/1/line", None, 404, unable("get", 1)),
            Exchange("DELETE", "2.0/users/1/line", None, 404, unable("delete", 1)),
            Exchange("PUT", "2.0/users/1/line", Some(wanted.clone()), 404, unable("update", 1)),
            Exchange("POST", "2.0/users/9/line", Some(wanted.clone()), 404, unable("create", 9)),
        ])
        .await;

    let (status, created) = running.ask("POST", "2.0/users/1/line", Some(wanted.clone())).await;
    let (name, code) = (&created["name"], &created["provisioningId"]);
    let line = json!({"id": 1, "lineType": "phone", "context": "default", "extension": "1000", "site": "default",
                      "name": name, "lineNum": 1, "provisioningId": code});
    assert_eq!((status, &created), (200, &line));
    assert_eq!(name.as_str().map(str::len), Some(8));
    assert!(code.as_u64().is_some_and(|code| (111_111..=888_888).contains(&code)));

    let webrtc = json!({"lineType": "webrtc", "context": "default", "extension": "1001"});
    let changed = json!({"id": 1, "lineType": "webrtc", "context": "default", "extension": "1001", "site": "default",
                         "name": name, "lineNum": 1, "provisioningId": code});
    let refused = |doing: &str, user: i32, reason: &str| json!({"error": "LineNotFound", "message": format!("Unable to {doing} line for user Id {user}: {reason}")});
    let taken = refused("create", 2, "extension 1001 is taken in context default");
    let custom = json!({"lineType": "custom", "context": "default", "extension": "1001"});
    let no_type =
        refused("update", 1, "a line of type webrtc cannot become one of type custom: delete it and create another");
    running
        .answers([
            Exchange("GET", "2.0/users/1/line", None, 200, line),
            Exchange("POST", "2.0/users/1/line", Some(wanted), 404, unable("create", 1)),
            Exchange("PUT", "2.0/users/1/line", Some(webrtc.clone()), 200, changed.clone()),
            Exchange("PUT", "2.0/users/1/line", Some(custom.clone()), 404, no_type),
            Exchange("POST", "2.0/users/2/line", Some(custom), 404, taken),
            Exchange("GET", "2.0/users/1/line", None, 200, changed),
            Exchange("DELETE", "2.0/users/1/line", None, 204, json!("")),
            Exchange("DELETE", "2.0/users/1/line", None, 404, unable("delete", 1)),
        ])
        .await;
}

#[tokio::test]
async fn a_body_that_is_no_line_is_refused_by_field() {
    let running = Running::start().await;
    running.create_users(&[("user", "A", "a")]).await;
    let line = json!({"lineType": "phone", "context": "default", "extension": "1000"});
    let with = |field: &str, value: Value| {
        let mut line = line.clone();
        line[field] = value;
        line
    };
    for (field, value) in [
        ("lineType", json!("isdn")),
        ("lineType", json!(null)),
        ("context", json!(7)),
        ("extension", json!(null)),
        ("site", json!(["default"])),
        ("lineNum", json!("1")),
        ("lineNum", json!(1.5)),
        ("lineNum", json!(1e30)),
        ("device", json!(1)),
    ] {
        let (status, answer) = running.ask("POST", "2.0/users/1/line", Some(with(field, value))).await;
        let message = answer["message"].as_str().unwrap();
        assert_eq!((status, &answer["error"]), (400, &json!("BadRequest")), "{message}");
        assert!(message.starts_with(&format!("the body does not fit at {field}: ")), "{message}");
    }
    let (status, _) = running.ask("GET", "2.0/users/one/line", None).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn of_many_creations_of_a_line_for_one_user_one_wins() {
    let running = Running::start().await;
    running.create_users(&[("user", "A", "a")]).await;
    let line = json!({"lineType": "ua", "context": "default", "extension": "1000"});
    let creations = (0..12).map(|_| running.ask("POST", "2.0/users/1/line", Some(line.clone())));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(creations).await.into_iter().map(|(status, _)| status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[200][..], &[404; 11]].concat());
}

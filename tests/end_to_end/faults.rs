use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::running::Running;

fn room(number: u32) -> serde_json::Value {
    json!({"name": format!("room{number}"), "displayName": "Room", "number": number})
}

#[tokio::test]
async fn with_nats_down_requests_are_answered_503_and_none_is_carried_out_later() {
    let running = Running::start().await;
    running.ask("POST", "2.0/meetingrooms", Some(room(1))).await;
    running.nats.kill().unwrap();
    for (status, answer) in
        join_all((100..160).map(|number| running.ask("POST", "2.0/meetingrooms", Some(room(number))))).await
    {
        assert_eq!((status, &answer["error"]), (503, &json!("ServiceUnavailable")));
    }
    running.nats.restart().unwrap();
    running.ready().await;
    assert_eq!(running.ask("POST", "2.0/meetingrooms", Some(room(2))).await.0, 200);
    let (_, rooms) = running.ask("GET", "2.0/meetingrooms", None).await;
    let names: Vec<_> = rooms.as_array().unwrap().iter().map(|room| room["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["room1", "room2"]);
}

#[tokio::test]
async fn a_refusal_for_want_of_a_service_says_when_to_ask_again() {
    let running = Running::start().await;
    running.service("meetingroom").stop(Duration::from_secs(20)).unwrap();
    let refused = running.send("GET", "2.0/meetingrooms/1", None).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["Retry-After"].to_str().unwrap()), (503, "1"));
    let message = "no instance of the meetingroom service is listening";
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body, json!({"error": "ServiceUnavailable", "message": message}));
}

#[tokio::test]
async fn a_service_that_hangs_is_answered_504() {
    let running = Running::start().await;
    running.service("meetingroom").pause().unwrap();
    let (status, answer) = running.ask("GET", "2.0/meetingrooms/1", None).await;
    let message = "the meetingroom service did not answer in time";
    assert_eq!((status, answer), (504, json!({"error": "GatewayTimeout", "message": message})));
    running.service("meetingroom").resume().unwrap();
}

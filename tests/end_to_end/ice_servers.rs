use std::time::Duration;

use serde_json::json;

use crate::running::{Exchange, Running};

const ICE_SERVERS: &str = "1.0/sip/ice_servers";

#[tokio::test]
async fn the_documented_request_is_answered_as_documented() {
    let running = Running::start().await;
    let google = json!({"stun_address": "stun:stun.l.google.com:19302"});
    running
        .answers([
            Exchange("GET", ICE_SERVERS, None, 200, json!({})),
            Exchange("PUT", ICE_SERVERS, Some(google.clone()), 200, google.clone()),
            Exchange("GET", ICE_SERVERS, None, 200, google),
            Exchange("PUT", ICE_SERVERS, Some(json!({"stun_address": null})), 200, json!({})),
            Exchange("GET", ICE_SERVERS, None, 200, json!({})),
        ])
        .await;
    let (status, refused) = running.ask("PUT", ICE_SERVERS, Some(json!({"stun_address": "http://xivo"}))).await;
    let message = "the body does not fit at stun_address: it does not begin with stun:, stuns:, turn: or turns: at line 1 column 30";
    assert_eq!((status, refused), (400, json!({"error": "BadRequest", "message": message})));
}

#[tokio::test]
async fn the_setting_holds_until_somebody_says_otherwise() {
    let mut running = Running::with_settings(&[("STUN_ADDRESS", "stun:xivo:3478")]).await;
    running.answers([Exchange("GET", ICE_SERVERS, None, 200, json!({"stun_address": "stun:xivo:3478"}))]).await;
    let (_, changes) = running.ask("GET", "2.0/changes?objectType=ice_servers", None).await;
    let first = &changes["list"][0];
    assert_eq!(
        json!([changes["total"], first["actor"], first["action"], first["after"]]),
        json!([1, "STUN_ADDRESS", "created", {"stun_address": "stun:xivo:3478"}])
    );

    running.answers([Exchange("PUT", ICE_SERVERS, Some(json!({})), 200, json!({}))]).await;
    running.service("users").stop(Duration::from_secs(20)).unwrap();
    running.services.push(running.site.spawn("users").unwrap());
    running.ready().await;
    running.answers([Exchange("GET", ICE_SERVERS, None, 200, json!({}))]).await;
}

#[tokio::test]
async fn a_setting_that_is_no_address_stops_the_start_with_its_name() {
    let running = Running::start().await;
    let mut site = running.site.clone();
    site.settings.push(("STUN_ADDRESS".to_owned(), "xivo:3478".to_owned()));
    let second = site.spawn("users").unwrap();
    let why = running.line("cannot go on", |line| Some(line["error"].clone())).await;
    let expected = "the setting STUN_ADDRESS cannot be read: it does not begin with stun:, stuns:, turn: or turns:";
    assert_eq!(why, expected);
    assert!(!second.wait().await.success());
}

use std::time::Duration;

use axum::body::Body;
use configmgt_bus::Local;
use configmgt_edge::ImportLimits;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{Answered, answered, application, application_of, over, request, with_body};

const ROOMS: &str = "/configmgt/api/2.0/meetingrooms";

fn envelope(error: &str, message: &str) -> Value {
    json!({"error": error, "message": message})
}

/// Status and body, after checking what every error has in common.
fn refused(answered: &Answered) -> (u16, Value) {
    assert_eq!(answered.headers["content-type"], "application/json");
    assert!(answered.headers.contains_key("x-request-id"));
    assert_eq!(answered.headers.contains_key("retry-after"), [429, 503].contains(&answered.status));
    (answered.status, answered.json())
}

#[tokio::test]
async fn a_request_needs_the_token() {
    let application = application().await;
    let missing = "the header X-Auth-Token is missing";
    let wrong = "the token in X-Auth-Token is not valid";
    for path in [ROOMS, "/configmgt/api/1.0/callback_lists", "/configmgt/api/2.0", "/configmgt//api//2.0/nothing"] {
        for (token, message) in
            [(None, missing), (Some("The token"), wrong), (Some(""), wrong), (Some("the token "), wrong)]
        {
            let mut request = request("GET", path);
            request.headers_mut().remove("x-auth-token");
            if let Some(token) = token {
                request.headers_mut().insert("x-auth-token", token.parse().unwrap());
            }
            let answer = answered(&application, request).await;
            assert_eq!(refused(&answer), (401, envelope("Unauthorized", message)), "{path} {token:?}");
        }
    }
    assert_eq!(answered(&application, request("GET", ROOMS)).await.status, 200);
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_service_may_for_its_answer() {
    let application = application().await;
    let end = async {
        // As slow as a client may be, and slower than any answer.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        Ok::<_, std::io::Error>(r#""displayName": "A", "number": 1}"#)
    };
    let body = stream::iter([Ok(r#"{"name": "a", "#)]).chain(stream::once(end));
    let answer = answered(&application, with_body("POST", ROOMS, Body::from_stream(body))).await;
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!("a")));
}

#[tokio::test]
async fn everything_that_goes_wrong_has_the_envelope() {
    let application = application().await;
    let long = "x".repeat(9000);
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(300_000));
    let room = |fields: &str| format!(r#"{{"name": "a", "displayName": "A"{fields}}}"#);
    let put = |fields: &str| format!(r#"{{"id": 1, "name": "a", "displayName": "A"{fields}}}"#);
    let nothing = envelope("NotFound", "there is nothing at this path");
    let method = envelope("MethodNotAllowed", "the path does not know this method");
    let bad = |message: &str| envelope("BadRequest", message);
    let cases = [
        ("GET", "/", String::new(), 404, nothing.clone()),
        ("GET", "/configmgt/api/2.0/nothing", String::new(), 404, nothing.clone()),
        ("GET", "/configmgt/api/2.0/meetingrooms/1/more", String::new(), 404, nothing.clone()),
        ("GET", "/configmgt/api/nothing.js", String::new(), 404, nothing.clone()),
        ("PATCH", ROOMS, String::new(), 405, method.clone()),
        ("DELETE", "/livez", String::new(), 405, method.clone()),
        ("POST", "/configmgt/api", String::new(), 405, method.clone()),
        ("GET", "/configmgt/api/2.0/meetingrooms/find", String::new(), 405, method),
        (
            "GET",
            "/configmgt/api/2.0/meetingrooms/seven",
            String::new(),
            400,
            bad("id: 'seven' cannot be one: invalid digit found in string"),
        ),
        (
            "GET",
            "/configmgt/api/2.0/meetingrooms/99999999999",
            String::new(),
            400,
            bad("id: '99999999999' cannot be one: number too large to fit in target type"),
        ),
        (
            "POST",
            ROOMS,
            "{".to_owned(),
            400,
            bad("the body is no valid JSON: EOF while parsing an object at line 1 column 1"),
        ),
        ("POST", ROOMS, room(""), 400, bad("the body does not fit: missing field `number` at line 1 column 33")),
        (
            "POST",
            ROOMS,
            room(r#", "number": 1} {"x": 1"#),
            400,
            bad("the body is no valid JSON: trailing characters at line 1 column 48"),
        ),
        (
            "POST",
            ROOMS,
            room(r#", "number": -5"#),
            400,
            bad(
                "the body does not fit at number: invalid value: string \"-5\", expected a whole number or a string of 1 to 15 digits at line 1 column 46",
            ),
        ),
        ("PUT", ROOMS, put(r#", "number": "x""#), 400, Value::Null),
        (
            "PUT",
            ROOMS,
            room(r#", "number": 1"#),
            400,
            bad("the body does not fit: missing field `id` at line 1 column 46"),
        ),
        ("POST", ROOMS, large, 413, envelope("PayloadTooLarge", "the body has more than 262144 bytes")),
        (
            "POST",
            "/configmgt/api/2.0/meetingrooms/find",
            r#"{"limit": "many"}"#.to_owned(),
            400,
            bad(
                "the body does not fit at limit: invalid type: string \"many\", expected a whole number at line 1 column 16",
            ),
        ),
        (
            "POST",
            "/configmgt/api/2.0/meetingrooms/find",
            r#"{"limit": 1001}"#.to_owned(),
            400,
            bad("limit: 1001 is not between 0 and 1000"),
        ),
        (
            "GET",
            &format!("/configmgt/api/2.0/{long}"),
            String::new(),
            414,
            envelope("UriTooLong", "the path has more than 8192 bytes"),
        ),
    ];
    for (method, path, body, status, envelope) in cases {
        let answer = answered(&application, with_body(method, path, body.clone())).await;
        let (answered_status, answered_envelope) = refused(&answer);
        assert_eq!(answered_status, status, "{method} {path} {body}");
        if envelope.is_null() {
            assert!(answered_envelope["message"].as_str().unwrap().contains("number"), "{answered_envelope}");
        } else {
            assert_eq!(answered_envelope, envelope, "{method} {path} {body}");
        }
    }
}

#[tokio::test]
async fn an_array_is_no_object() {
    let application = application().await;
    let (status, envelope) = refused(&answered(&application, with_body("POST", ROOMS, r#"["a", "A", 1, null]"#)).await);
    let message = envelope["message"].as_str().unwrap();
    assert_eq!((status, &envelope["error"]), (400, &json!("BadRequest")));
    assert!(message.starts_with("the body does not fit: invalid type: sequence, expected struct "), "{message}");
}

#[tokio::test]
async fn too_many_headers_and_too_large_ones_are_refused() {
    let application = application().await;
    let mut many = request("GET", ROOMS);
    for number in 0..65 {
        many.headers_mut()
            .insert(axum::http::HeaderName::try_from(format!("x-{number}")).unwrap(), "1".parse().unwrap());
    }
    let mut large = request("GET", ROOMS);
    large.headers_mut().insert("x-large", "x".repeat(17_000).parse().unwrap());
    let message = "the headers are more than 64 or have more than 16384 bytes";
    for request in [many, large] {
        let answer = answered(&application, request).await;
        assert_eq!(refused(&answer), (431, envelope("HeadersTooLarge", message)));
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_answered_with_those_it_knows() {
    let answer = answered(&application().await, request("PATCH", ROOMS)).await;
    assert_eq!(answer.headers["allow"], "GET,HEAD,POST,PUT");
}

#[tokio::test]
async fn runs_of_slashes_count_as_one() {
    let application = application().await;
    for path in ["//configmgt/api/2.0/meetingrooms", "/configmgt/api/2.0///meetingrooms"] {
        let answer = answered(&application, request("GET", path)).await;
        assert_eq!((answer.status, answer.json()), (200, json!([])), "{path}");
    }
}

#[tokio::test]
async fn whole_numbers_may_come_as_decimals_or_digits_and_unknown_fields_are_ignored() {
    let application = application().await;
    let body = r#"{"id": 77, "name": "a", "displayName": "A", "number": 207.0, "userPin": "0042", "more": [1]}"#;
    let answer = answered(&application, with_body("POST", ROOMS, body)).await;
    let room = json!({"id": 1, "name": "a", "displayName": "A", "number": 207, "userPin": "0042"});
    assert_eq!((answer.status, answer.json()), (200, room));
    let body = r#"{"id": 1.0, "name": "a", "displayName": "A", "number": "208", "userPin": null}"#;
    let answer = answered(&application, with_body("PUT", ROOMS, body)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"id": 1, "name": "a", "displayName": "A", "number": 208})));
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let answer = answered(&application().await, request("HEAD", "/configmgt/api/2.0/meetingrooms/1")).await;
    assert_eq!((answer.status, answer.text.as_str()), (404, ""));
}

#[tokio::test]
async fn a_clients_own_request_id_comes_back_and_any_other_is_made_up() {
    let application = application().await;
    let mut own = request("GET", ROOMS);
    own.headers_mut().insert("x-request-id", "call-7".parse().unwrap());
    assert_eq!(answered(&application, own).await.headers["x-request-id"], "call-7");
    let mut unfit = request("GET", ROOMS);
    unfit.headers_mut().insert("x-request-id", "x".repeat(300).parse().unwrap());
    assert_eq!(answered(&application, unfit).await.headers["x-request-id"].len(), 32);
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_travel_is_refused() {
    let application = application().await;
    for key in ["", "a\tb", "é", &"x".repeat(256)] {
        let mut request = request("GET", ROOMS);
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        let answer = answered(&application, request).await;
        let message = "the header idempotency-key is not 1 to 255 visible ASCII characters";
        assert_eq!(refused(&answer), (400, envelope("BadRequest", message)), "{key}");
    }
}

#[tokio::test]
async fn without_a_listener_the_answer_is_503() {
    let answer = answered(&over(Local::default(), ImportLimits::default()), request("GET", ROOMS)).await;
    let message = "no instance of the meetingroom service is listening";
    assert_eq!(refused(&answer), (503, envelope("ServiceUnavailable", message)));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn liveness_needs_nothing_and_readiness_names_what_is_missing() {
    let application = application_of(&[configmgt_meetingroom::SERVICE]).await;
    let unauthenticated = |path| {
        let mut request = request("GET", path);
        request.headers_mut().clear();
        request
    };
    let live = answered(&application, unauthenticated("/livez")).await;
    assert_eq!((live.status, live.json()), (200, json!({"status": "live"})));
    let ready = answered(&application, unauthenticated("/readyz")).await;
    let missing = ["users", "callbacks", "queue-dissuasion"];
    let missing = missing.map(|service| format!("no instance of the {service} service is listening")).join("; ");
    assert_eq!(refused(&ready), (503, envelope("ServiceUnavailable", &format!("not ready: {missing}"))));
}

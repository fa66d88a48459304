use axum::body::{Body, Bytes};
use configmgt_bus::Local;
use futures_util::stream;
use serde_json::{Value, json};

use crate::{Answered, answered, application, over, with_body};

const IMPORT: &str = "/configmgt/api/2.0/users/csv";

fn answer(answered: &Answered) -> (u16, Value) {
    (answered.status, answered.json())
}

fn refusal(error: &str, message: &str) -> Value {
    json!({"error": error, "message": message})
}

#[tokio::test]
async fn the_body_of_an_import_may_be_larger_than_any_json_and_of_any_kind() {
    let application = application().await;
    let lines = "John|a comfortably long last name, so that this is more than one piece\n".repeat(5_000);
    let file = format!("firstname|lastname\n{lines}");
    assert!(file.len() > 300_000);
    let mut request = with_body("POST", &format!("{IMPORT}?dry_run=true"), file);
    request.headers_mut().insert("content-type", "image/png".parse().unwrap());
    let tried = json!({"created": 5000, "refused": 0, "errors": []});
    assert_eq!(answer(&answered(&application, request).await), (200, tried));
}

#[tokio::test]
async fn what_stands_behind_the_question_mark_is_checked() {
    let application = application().await;
    for (query, message) in [
        ("dry_run=maybe", "dry_run: 'maybe' is neither true nor false"),
        ("import=7", "import: '7' is no UUID"),
        ("colour=red", "'colour': no such parameter; the parameters are dry_run, import"),
    ] {
        let answered = answered(&application, with_body("POST", &format!("{IMPORT}?{query}"), "firstname\nA\n")).await;
        assert_eq!(answer(&answered), (400, refusal("BadRequest", message)));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_imports_nothing() {
    let application = application().await;
    let pieces = [Ok(Bytes::from_static(b"firstname\nJohn\n")), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(stream::iter(pieces));
    let broken_off = answered(&application, with_body("POST", IMPORT, body)).await;
    assert_eq!(answer(&broken_off), (400, refusal("BadRequest", "the body could not be read: gone")));
    let users = answered(&application, with_body("GET", "/configmgt/api/2.0/users", Body::empty())).await;
    assert_eq!(answer(&users), (200, json!([])));
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_answered_408() {
    let application = application().await;
    let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let late = answered(&application, with_body("POST", IMPORT, body)).await;
    assert_eq!(answer(&late), (408, refusal("RequestTimeout", "the body did not come in time")));
}

#[tokio::test]
async fn an_import_without_a_listener_is_answered_503() {
    let answered = answered(&over(Local::default()), with_body("POST", IMPORT, "firstname\nA\n")).await;
    let message = "no instance of the users service is listening";
    assert_eq!(answer(&answered), (503, refusal("ServiceUnavailable", message)));
}

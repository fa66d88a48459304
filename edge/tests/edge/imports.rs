use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use configmgt_bus::Local;
use configmgt_edge::{Application, ImportLimits};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{Answered, answered, application, application_with, over, with_body};

const IMPORT: &str = "/configmgt/api/2.0/users/csv";

fn answer(answered: &Answered) -> (u16, Value) {
    (answered.status, answered.json())
}

fn refusal(error: &str, message: &str) -> Value {
    json!({"error": error, "message": message})
}

/// The answer to a file that comes like this, after which nothing of it is stored, and the next one is imported.
async fn answer_to_a_bad_file(application: &Application, body: Body) -> (u16, Value) {
    let refused = answered(application, with_body("POST", IMPORT, body)).await;
    let users = answered(application, with_body("GET", "/configmgt/api/2.0/users", Body::empty())).await;
    assert_eq!(answer(&users), (200, json!([])));
    let next = answered(application, with_body("POST", IMPORT, "firstname\nJohn\n")).await;
    assert_eq!(answer(&next), (200, json!({"imported": 1})));
    answer(&refused)
}

/// A piece of a file that is imported if it ends here.
fn piece() -> Bytes {
    Bytes::from(format!("firstname\n{}", "Jane\n".repeat(2_000)))
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
        ("dryrun=true", "'dryrun': no such parameter; the parameters are dry_run, import"),
    ] {
        let answered = answered(&application, with_body("POST", &format!("{IMPORT}?{query}"), "firstname\nA\n")).await;
        assert_eq!(answer(&answered), (400, refusal("BadRequest", message)));
    }
}

#[tokio::test]
async fn a_flag_is_set_by_its_name_and_a_parameter_without_a_value_is_none() {
    let application = application().await;
    let tried = json!({"created": 1, "refused": 0, "errors": []});
    let imported = json!({"imported": 1});
    for (query, body) in [
        ("dry_run", &tried),
        ("dry_run=TRUE", &tried),
        ("dry_run=1&import=", &tried),
        ("import=&dry_run=0", &imported),
        ("dry_run=False", &imported),
    ] {
        let answered = answered(&application, with_body("POST", &format!("{IMPORT}?{query}"), "firstname\nA\n")).await;
        assert_eq!(answer(&answered), (200, body.clone()), "{query}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_imports_nothing() {
    let application = application().await;
    let body = Body::from_stream(stream::iter([Ok(piece()), Err(std::io::Error::other("gone"))]));
    let broken_off = answer_to_a_bad_file(&application, body).await;
    assert_eq!(broken_off, (400, refusal("BadRequest", "the body could not be read: gone")));
}

#[tokio::test]
async fn a_file_above_the_limit_imports_nothing_whether_it_says_its_length_or_not() {
    let limits = |bytes| ImportLimits { bytes, ..ImportLimits::default() };
    let most = piece().len() - 1;
    let too_large = (413, refusal("PayloadTooLarge", &format!("the body has more than {most} bytes")));
    let halves = || stream::iter([piece().split_to(5_000), piece().split_off(5_000)].map(Ok::<_, std::io::Error>));
    for body in [Body::from(piece()), Body::from_stream(halves())] {
        assert_eq!(answer_to_a_bad_file(&application_with(limits(most)).await, body).await, too_large);
    }
    let application = application_with(limits(piece().len())).await;
    for body in [Body::from(piece()), Body::from_stream(halves())] {
        let imported = answered(&application, with_body("POST", IMPORT, body)).await;
        assert_eq!(answer(&imported), (200, json!({"imported": 2_000})));
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_answered_408_and_imports_nothing() {
    let limits = ImportLimits { silence: Duration::from_millis(100), ..ImportLimits::default() };
    let late = (408, refusal("RequestTimeout", "the body did not come in time"));
    for begun in [0, 1] {
        let application = application_with(limits).await;
        let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(piece())).take(begun).chain(stream::pending());
        assert_eq!(answer_to_a_bad_file(&application, Body::from_stream(pieces)).await, late);
    }
}

#[tokio::test]
async fn a_client_that_sends_too_slowly_is_answered_408_and_imports_nothing() {
    let patience = Duration::from_millis(500);
    let application = application_with(ImportLimits { patience, ..ImportLimits::default() }).await;
    let ticks = tokio::time::interval(Duration::from_millis(20));
    let bytes = stream::unfold(ticks, async |mut ticks| {
        ticks.tick().await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ticks))
    });
    let began = Instant::now();
    let late = answer_to_a_bad_file(&application, Body::from_stream(bytes)).await;
    assert_eq!(late, (408, refusal("RequestTimeout", "the body did not come in time")));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_import_without_a_listener_is_answered_503() {
    let answered =
        answered(&over(Local::default(), ImportLimits::default()), with_body("POST", IMPORT, "firstname\nA\n")).await;
    let message = "no instance of the users service is listening";
    assert_eq!(answer(&answered), (503, refusal("ServiceUnavailable", message)));
}

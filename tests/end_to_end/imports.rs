use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    observed::assert_complete_of,
    running::{Running, forget_peak, peak_kib},
};

/// How much edge and service may grow while a file passes through them, whatever its length.
const GROWTH_KIB: u64 = 32 * 1024;

const HEADER: &str = "firstname|lastname|login|lineType|extension|context\n";

fn rows(users: std::ops::RangeInclusive<u32>) -> String {
    users.map(|user| format!("Firstname{user}|Lastname|user{user}|phone|{user}|default\n")).collect::<Vec<_>>().concat()
}

/// A body that is sent by hand. It ends with the sender.
pub(crate) fn by_hand() -> (mpsc::UnboundedSender<String>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let pieces = futures_util::stream::unfold(receiver, async |mut pieces: mpsc::UnboundedReceiver<String>| {
        pieces.recv().await.map(|piece| (Ok::<_, std::io::Error>(piece), pieces))
    });
    (sender, Body::wrap_stream(pieces))
}

impl Running {
    async fn import(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let answer = self.request("POST", path, None).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Imports ten users, as soon as the database has seen the end of an import that broke off.
    async fn import_ten(&self) {
        let file = format!("{HEADER}{}", rows(1..=10));
        let outcome = loop {
            let outcome = self.import("2.0/users/csv", file.clone()).await;
            if outcome.0 != 409 {
                break outcome;
            }
        };
        assert_eq!(outcome, (200, json!({"imported": 10})));
    }

    /// Sends row after row until the service has told of some that it has read.
    async fn send_until_read(&self, id: &str, pieces: &mpsc::UnboundedSender<String>) {
        pieces.send(HEADER.to_owned()).unwrap();
        let mut sent = 0;
        while self.ask("GET", &format!("2.0/imports/{id}"), None).await.1["rowsRead"]
            .as_u64()
            .is_none_or(|read| read == 0)
        {
            pieces.send(rows(sent + 1..=sent + 20)).unwrap();
            sent += 20;
        }
    }

    /// Waits until the import is as it is wanted.
    async fn import_is(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (status, import) = self.ask("GET", &format!("2.0/imports/{id}"), None).await;
            if status == 200 && wanted(&import) {
                return import;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn users_are_imported_with_their_lines_and_each_is_an_event() {
    let running = Running::start().await;
    let before = assert_complete_of(&running, "users").await;
    let file = "firstname|login|lineType|extension|context\nJohn|jdoe|sccp|1000|default\nJane|jane|||\n";
    assert_eq!(running.import("2.0/users/csv", file).await, (200, json!({"imported": 2})));
    let john = json!({"id": 1, "firstname": "John", "lastname": "", "login": "jdoe", "labels": []});
    assert_eq!(running.ask("GET", "2.0/users/1", None).await, (200, john));
    assert_eq!(assert_complete_of(&running, "users").await, before + 3);
    let refused = running.import("2.0/users/csv", file).await;
    let message = "line 2, login: 'jdoe' is taken, by another line or before; \
                   line 2, extension: '1000' is taken, by another line or before; \
                   line 3, login: 'jane' is taken, by another line or before";
    let taken = |line, column, value| json!({"line": line, "column": column, "reason": format!("'{value}' is taken, by another line or before")});
    let errors = [taken(2, "login", "jdoe"), taken(2, "extension", "1000"), taken(3, "login", "jane")];
    assert_eq!(refused, (400, json!({"error": "BadCsv", "message": message, "errors": errors})));
}

#[tokio::test]
async fn fifty_thousand_users_with_lines_pass_in_bounded_memory() {
    let running = Running::start().await;
    // Once before, so that what every process needs for its first import does not count.
    let (status, _) = running.import("2.0/users/csv", format!("{HEADER}{}", rows(1..=2_000))).await;
    assert_eq!(status, 200);
    let through = [&running.edge, running.service("users")];
    let before = through.map(|process| {
        forget_peak(process);
        peak_kib(process)
    });
    let pieces = (0..48).map(|piece| {
        let header = if piece == 0 { HEADER } else { "" };
        Ok::<_, std::io::Error>(format!("{header}{}", rows(piece * 1000 + 2_001..=piece * 1000 + 3_000)))
    });
    let imported = running.import("2.0/users/csv", Body::wrap_stream(futures_util::stream::iter(pieces))).await;
    assert_eq!(imported, (200, json!({"imported": 48_000})));
    for ((process, before), after) in through.iter().zip(before).zip(through.map(peak_kib)) {
        assert!(after - before < GROWTH_KIB, "{} grew from {before} to {after} KiB", process.name());
    }
    let (_, found) = running.ask("POST", "2.0/users/find", Some(json!({"filters": [], "limit": 1}))).await;
    assert_eq!(found["total"], 50_000);
}

#[tokio::test]
async fn an_import_that_its_client_breaks_off_leaves_nothing() {
    let running = Arc::new(Running::start().await);
    let before = assert_complete_of(&running, "users").await;
    let id = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11";
    let (pieces, body) = by_hand();
    let importing = tokio::spawn({
        let running = Arc::clone(&running);
        async move { running.import(&format!("2.0/users/csv?import={id}"), body).await }
    });
    running.send_until_read(id, &pieces).await;
    importing.abort();
    let failed = running.import_is(id, |import| import["state"] == "failed").await;
    assert_eq!(failed["message"], "the content did not come to its end");
    assert_eq!(running.ask("GET", "2.0/users", None).await, (200, json!([])));
    // Nothing of it is in the way of the next one.
    running.import_ten().await;
    assert_eq!(assert_complete_of(&running, "users").await, before + 20);
}

#[tokio::test]
async fn an_import_whose_client_leaves_while_its_passwords_are_hashed_is_not_carried_out() {
    let running = Arc::new(Running::start().await);
    let id = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c13";
    // Some seconds of hashing, behind a content that fits into one piece.
    let users: Vec<_> = (1..=200).map(|user| format!("Firstname{user}|hashed{user}|secret{user}\n")).collect();
    let importing = tokio::spawn({
        let running = Arc::clone(&running);
        async move {
            running
                .import(&format!("2.0/users/csv?import={id}"), format!("firstname|login|password\n{}", users.concat()))
                .await
        }
    });
    running.import_is(id, |import| import["state"] == "running").await;
    importing.abort();
    // It ends once nothing of the other one is under way any more.
    running.import_ten().await;
    let (_, found) = running.ask("POST", "2.0/users/find", Some(json!({"filters": []}))).await;
    assert_eq!(found["total"], 10);
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_an_upload_is_answered_and_leaves_nothing() {
    let running = Running::start().await;
    let before = assert_complete_of(&running, "users").await;
    let (pieces, body) = by_hand();
    pieces.send(format!("{HEADER}{}", rows(1..=1_500))).unwrap();
    let began = Instant::now();
    let late = running.import("2.0/users/csv", body).await;
    assert_eq!(late, (408, json!({"error": "RequestTimeout", "message": "the body did not come in time"})));
    // The last piece is gathered for a second, and then nothing comes for ten.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    drop(pieces);
    assert_eq!(running.ask("GET", "2.0/users", None).await, (200, json!([])));
    running.import_ten().await;
    assert_eq!(assert_complete_of(&running, "users").await, before + 20);
}

#[tokio::test]
async fn an_import_whose_service_is_killed_half_way_leaves_nothing() {
    let mut running = Running::start().await;
    let before = assert_complete_of(&running, "users").await;
    let id = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c12";
    let (pieces, body) = by_hand();
    let request = running.request("POST", &format!("2.0/users/csv?import={id}"), None).body(body);
    let importing = tokio::spawn(request.send());
    running.send_until_read(id, &pieces).await;
    let users = running.services.iter().position(|service| service.name() == "users").unwrap();
    running.services.swap_remove(users).kill().unwrap();
    drop(pieces);
    let status = importing.await.unwrap().unwrap().status().as_u16();
    // Whether nobody was left to ask, or whoever was asked could not answer any more.
    assert!([503, 504].contains(&status), "{status}");
    running.services.push(running.site.spawn("users").unwrap());
    running.ready().await;
    assert_eq!(running.ask("GET", "2.0/users", None).await, (200, json!([])));
    running.import_ten().await;
    assert_eq!(assert_complete_of(&running, "users").await, before + 20);
}

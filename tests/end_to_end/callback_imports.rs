use std::{sync::Arc, time::Duration};

use configmgt_stack::product::EDGE;
use reqwest::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    imports::by_hand,
    observed::assert_complete_of,
    running::{Running, forget_peak, peak_kib},
};

/// How much edge and service may grow while a file passes through them, whatever its length.
const GROWTH_KIB: u64 = 32 * 1024;

const HEADER: &str = "phoneNumber|mobilePhoneNumber|firstName|lastName|company|description|dueDate|period\n";

const ID: &str = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c21";

fn rows(requests: std::ops::RangeInclusive<u32>) -> String {
    requests
        .map(|request| {
            format!("02{request:08}|06{request:08}|Firstname{request}|Lastname|Company|Call back quickly||\n")
        })
        .collect::<Vec<_>>()
        .concat()
}

/// What dies half-way through an import.
enum Dies {
    Edge,
    Service,
    Nats,
    /// The service's sessions of the database, as when that is killed.
    Database,
}

impl Running {
    async fn import_callbacks(
        &self,
        list: &str,
        query: &str,
        key: Option<&str>,
        body: impl Into<Body>,
    ) -> (u16, Value) {
        let path = format!("1.0/callback_lists/{list}/callback_requests/csv{query}");
        let request = self.request("POST", &path, None).body(body);
        let request = match key {
            Some(key) => request.header("Idempotency-Key", key),
            None => request,
        };
        let Ok(answer) = request.send().await else { return (0, Value::Null) };
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Repeats an import under its key until it is answered for certain.
    async fn insist_on_import(&self, list: &str, key: &str, file: &str) -> (u16, Value) {
        loop {
            let answer = self.import_callbacks(list, "", Some(key), file.to_owned()).await;
            if ![0, 408, 503, 504].contains(&answer.0) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn open_callbacks(&self) -> Value {
        let open = json!({"filters": [], "limit": 0});
        self.ask("POST", "1.0/callback_requests/find", Some(open)).await.1["total"].clone()
    }

    /// Sends row after row until the service has told of some that it has read.
    async fn send_until_told(&self, pieces: &mpsc::UnboundedSender<String>) {
        pieces.send(HEADER.to_owned()).unwrap();
        let mut sent = 0;
        while self.ask("GET", &format!("2.0/imports/{ID}"), None).await.1["rowsRead"]
            .as_u64()
            .is_none_or(|read| read == 0)
        {
            pieces.send(rows(sent + 1..=sent + 20)).unwrap();
            sent += 20;
        }
    }
}

#[tokio::test]
async fn fifty_thousand_requests_pass_in_bounded_memory_and_are_told_of() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    // Once before, so that what every process needs for its first import does not count.
    let first = running.import_callbacks(&list, "", None, format!("{HEADER}{}", rows(1..=2_000))).await;
    assert_eq!(first, (200, json!({"imported": 2_000})));
    let through = [&running.edge, running.service("callbacks")];
    let before = through.map(|process| {
        forget_peak(process);
        peak_kib(process)
    });
    let pieces = (2..52).map(|piece| {
        let header = if piece == 2 { HEADER } else { "" };
        Ok::<_, std::io::Error>(format!("{header}{}", rows(piece * 1000 + 1..=piece * 1000 + 1000)))
    });
    let body = Body::wrap_stream(futures_util::stream::iter(pieces));
    let imported = running.import_callbacks(&list, &format!("?import={ID}"), None, body).await;
    assert_eq!(imported, (200, json!({"imported": 50_000})));
    for ((process, before), after) in through.iter().zip(before).zip(through.map(peak_kib)) {
        assert!(after - before < GROWTH_KIB, "{} grew from {before} to {after} KiB", process.name());
    }
    assert_eq!(running.open_callbacks().await, 52_000);
    let (_, import) = running.ask("GET", &format!("2.0/imports/{ID}"), None).await;
    let told = [&import["kind"], &import["state"], &import["rowsRead"], &import["imported"]];
    assert_eq!(json!(told), json!(["callback_requests", "done", 50_000, 50_000]));
}

#[tokio::test]
async fn an_import_that_its_client_breaks_off_leaves_nothing() {
    let running = Arc::new(Running::start().await);
    let list = running.callback_list("sales").await;
    let (pieces, body) = by_hand();
    let importing = tokio::spawn({
        let (running, list) = (Arc::clone(&running), list.clone());
        async move { running.import_callbacks(&list, &format!("?import={ID}"), None, body).await }
    });
    running.send_until_told(&pieces).await;
    importing.abort();
    while running.ask("GET", &format!("2.0/imports/{ID}"), None).await.1["state"] != "failed" {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.open_callbacks().await, 0);
    // Only the list.
    assert_eq!(assert_complete_of(&running, "callbacks").await, 1);
}

/// Imports while something dies, and repeats that under its key: all is there once.
async fn dies_half_way(dies: Dies) {
    let mut running = Running::start().await;
    let list = running.callback_list("sales").await;
    let file = format!("{HEADER}{}", rows(1..=3000));
    let (pieces, body) = by_hand();
    let path = format!("1.0/callback_lists/{list}/callback_requests/csv?import={ID}");
    let request = running.request("POST", &path, None).header("Idempotency-Key", "other").body(body);
    let importing = tokio::spawn(request.send());
    running.send_until_told(&pieces).await;
    match dies {
        Dies::Edge => {
            running.edge.kill().unwrap();
            running.edge = running.site.spawn(EDGE).unwrap();
        }
        Dies::Service => {
            let place = running.services.iter().position(|service| service.name() == "callbacks").unwrap();
            running.services.swap_remove(place).kill().unwrap();
            running.services.push(running.site.spawn("callbacks").unwrap());
        }
        Dies::Nats => {
            running.nats.kill().unwrap();
            running.nats.restart().unwrap();
        }
        Dies::Database => {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE usename = 'configmgt_callbacks' AND datname = current_database()";
            sqlx::query(end).execute(&running.database().await).await.unwrap();
        }
    }
    drop(pieces);
    if let Ok(answer) = importing.await.unwrap() {
        assert!([408, 503, 504].contains(&answer.status().as_u16()), "{answer:?}");
    }
    running.ready().await;
    assert_eq!(running.open_callbacks().await, 0);
    assert_eq!(running.insist_on_import(&list, "k", &file).await, (200, json!({"imported": 3000})));
    assert_eq!(running.insist_on_import(&list, "k", &file).await, (200, json!({"imported": 3000})));
    assert_eq!(running.open_callbacks().await, 3000);
    assert_eq!(assert_complete_of(&running, "callbacks").await, 3001);
}

#[tokio::test]
async fn an_import_whose_edge_is_killed_half_way_leaves_nothing_and_can_be_repeated() {
    dies_half_way(Dies::Edge).await;
}

#[tokio::test]
async fn an_import_whose_service_is_killed_half_way_leaves_nothing_and_can_be_repeated() {
    dies_half_way(Dies::Service).await;
}

#[tokio::test]
async fn an_import_whose_bus_is_killed_half_way_leaves_nothing_and_can_be_repeated() {
    dies_half_way(Dies::Nats).await;
}

#[tokio::test]
async fn an_import_whose_database_is_gone_half_way_leaves_nothing_and_can_be_repeated() {
    dies_half_way(Dies::Database).await;
}

/// Kills the service at `point` of an import, starts it again, and repeats the import under its key.
async fn killed_at(point: &str) {
    let mut running = Running::start().await;
    let list = running.callback_list("sales").await;
    let place = running.services.iter().position(|service| service.name() == "callbacks").unwrap();
    let first = running.services.swap_remove(place);
    tokio::task::spawn_blocking(move || first.stop(Duration::from_secs(20)).unwrap()).await.unwrap();
    let mut site = running.site.clone();
    site.settings.push(("CONFIGMGT_FAIL_POINT".to_owned(), point.to_owned()));
    let dying = site.spawn("callbacks").unwrap();
    running.ready().await;
    let file = format!("{HEADER}{}", rows(1..=3000));
    let (answer, ended) = tokio::join!(running.import_callbacks(&list, "", Some("k"), file.clone()), dying.wait());
    assert!(!ended.success(), "it did not die at {point}");
    assert!([0, 503, 504].contains(&answer.0), "{answer:?}");
    running.services.push(running.site.spawn("callbacks").unwrap());
    running.ready().await;
    assert_eq!(running.insist_on_import(&list, "k", &file).await, (200, json!({"imported": 3000})));
    assert_eq!(running.open_callbacks().await, 3000);
    assert_eq!(assert_complete_of(&running, "callbacks").await, 3001, "killed at {point}");
}

#[tokio::test]
async fn an_import_that_dies_before_its_commit_happens_when_it_is_repeated() {
    killed_at("before-commit").await;
}

#[tokio::test]
async fn an_import_that_dies_after_its_commit_happens_once() {
    killed_at("after-commit").await;
}

use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt;
use reqwest::Response;
use serde_json::{Value, json};

use crate::{observed::all_published, running::Running};

/// An event of the feed: its type, its id and its data.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    kind: String,
    id: String,
    data: Value,
}

/// A reader of the feed.
struct Feed {
    response: futures_util::stream::BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    text: String,
    id: String,
}

impl Feed {
    async fn open(running: &Running, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = running.request("GET", &format!("2.0/events{query}"), None);
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response: Response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
            (200, "text/event-stream")
        );
        let mut feed = Self { response: response.bytes_stream().boxed(), text: String::new(), id: String::new() };
        if last_event_id.is_none() {
            // Where it begins.
            feed.block().await;
        }
        feed
    }

    /// The lines up to the next empty one.
    async fn block(&mut self) -> Vec<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block: Vec<_> = block.lines().map(str::to_owned).collect();
                let taken = self.text.len() - rest.len();
                self.text.drain(..taken);
                if let Some(id) = block.iter().find_map(|line| line.strip_prefix("id: ")) {
                    id.clone_into(&mut self.id);
                }
                return block;
            }
            let bytes = self.response.next().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn next(&mut self) -> Told {
        loop {
            let block = self.block().await;
            let field = |name: &str| block.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(data) = field("data: ") {
                let data = serde_json::from_str(&data).unwrap();
                return Told { kind: field("event: ").unwrap(), id: self.id.clone(), data };
            }
        }
    }

    async fn changes(&mut self, count: usize) -> Vec<(String, i64)> {
        let mut changes = Vec::new();
        for _ in 0..count {
            let Told { kind, data, .. } = self.next().await;
            assert_eq!(kind, "change", "{data}");
            changes.push((data["objectId"].as_str().unwrap().to_owned(), data["version"].as_i64().unwrap()));
        }
        changes
    }
}

async fn create(running: &Running, number: u32) {
    let room = json!({"name": format!("r{number}"), "displayName": "R", "number": number});
    assert_eq!(running.ask("POST", "2.0/meetingrooms", Some(room)).await.0, 200);
}

fn created(ids: std::ops::RangeInclusive<u32>) -> Vec<(String, i64)> {
    ids.map(|id| (id.to_string(), 1)).collect()
}

#[tokio::test]
async fn a_change_is_told_as_the_history_shows_it() {
    let running = Running::start().await;
    create(&running, 1).await;
    all_published(&running).await;
    let mut feed = Feed::open(&running, "", None).await;
    create(&running, 2).await;
    let told = feed.next().await;
    let (_, history) = running.ask("GET", "2.0/changes?limit=1", None).await;
    assert_eq!((told.kind.as_str(), &told.data), ("change", &history["list"][0]));
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_came_since_all_of_it_and_once() {
    let running = Running::start().await;
    let mut feed = Feed::open(&running, "", None).await;
    for number in 1..=20 {
        create(&running, number).await;
    }
    assert_eq!(feed.changes(7).await, created(1..=7));
    let place = feed.id.clone();
    drop(feed);
    create(&running, 21).await;
    let mut again = Feed::open(&running, "", Some(&place)).await;
    create(&running, 22).await;
    assert_eq!(again.changes(15).await, created(8..=22));
}

#[tokio::test]
async fn a_reader_follows_one_object_or_one_type() {
    let running = Running::start().await;
    let mut one = Feed::open(&running, "?objectType=meetingroom&objectId=2", None).await;
    let mut all = Feed::open(&running, "?objectType=meetingroom", None).await;
    for number in 1..=3 {
        create(&running, number).await;
    }
    running.ask("DELETE", "2.0/meetingrooms/2", None).await;
    assert_eq!(one.changes(2).await, [("2".to_owned(), 1), ("2".to_owned(), 2)]);
    assert_eq!(all.changes(4).await, [created(1..=3), vec![("2".to_owned(), 2)]].concat());
}

#[tokio::test]
async fn a_feed_that_cannot_be_is_refused() {
    let running = Running::start().await;
    for (query, message) in [
        ("?objectType=nothing", "objectType: there are no objects of this type"),
        ("?objectId=7", "objectId: it needs objectType"),
    ] {
        let refused = running.ask("GET", &format!("2.0/events{query}"), None).await;
        assert_eq!(refused, (400, json!({"error": "BadRequest", "message": message})));
    }
}

#[tokio::test]
async fn a_place_that_is_no_longer_kept_leads_to_a_reset_and_on() {
    let running = Running::start().await;
    create(&running, 1).await;
    all_published(&running).await;
    let place = Feed::open(&running, "", None).await.id;
    let old = place.replace("meetingroom:1", "meetingroom:0");
    for number in 2..=4 {
        create(&running, number).await;
    }
    all_published(&running).await;
    let context = jetstream::new(running.bus().await);
    let stream = context.get_stream("CONFIGMGT_EVENT_MEETINGROOM").await.unwrap();
    stream.purge().sequence(4).await.unwrap();
    for (place, reason) in [
        (old.as_str(), "changes since this event are no longer kept"),
        ("meetingroom:99:x", "the Last-Event-ID is not one of this feed"),
        ("nonsense", "the Last-Event-ID is not one of this feed"),
    ] {
        let mut feed = Feed::open(&running, "", Some(place)).await;
        let told = feed.next().await;
        assert_eq!((told.kind.as_str(), &told.data), ("reset", &json!({"reason": reason})));
    }
    let mut feed = Feed::open(&running, "", Some("nonsense")).await;
    assert_eq!(feed.next().await.kind, "reset");
    create(&running, 5).await;
    assert_eq!(feed.changes(1).await, created(5..=5));
}

#[tokio::test]
async fn a_reader_is_told_when_the_stream_was_lost_and_made_again() {
    let running = Running::start().await;
    for number in 1..=3 {
        create(&running, number).await;
    }
    all_published(&running).await;
    let mut following = Feed::open(&running, "", None).await;
    let place = following.id.clone();
    let context = jetstream::new(running.bus().await);
    context.delete_stream("CONFIGMGT_EVENT_MEETINGROOM").await.unwrap();
    create(&running, 4).await;
    assert_eq!(following.next().await.kind, "reset");
    let mut back = Feed::open(&running, "", Some(&place)).await;
    assert_eq!(back.next().await.kind, "reset");
}

#[tokio::test]
async fn a_feed_goes_on_after_nats_was_away() {
    let running = Running::start().await;
    let mut feed = Feed::open(&running, "", None).await;
    create(&running, 1).await;
    assert_eq!(feed.changes(1).await, created(1..=1));
    running.nats.kill().unwrap();
    running.nats.restart().unwrap();
    running.ready().await;
    create(&running, 2).await;
    assert_eq!(feed.changes(1).await, created(2..=2));
}

#[tokio::test]
async fn an_edge_with_readers_stops_at_once() {
    let running = Running::start().await;
    let _feed = Feed::open(&running, "", None).await;
    let began = std::time::Instant::now();
    assert!(running.edge.stop(Duration::from_secs(20)).unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(5));
}

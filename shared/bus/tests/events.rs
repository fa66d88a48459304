//! A stream of events over a real nats-server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use configmgt_bus::EventStream;
use configmgt_contract::events::{Action, Change, Event};
use configmgt_stack::{Nats, scratch};
use uuid::Uuid;

async fn open(nats: &Nats) -> EventStream {
    EventStream::open(&nats.url(), "test", "_INBOX.test", "meetingroom", Duration::from_hours(1)).await.unwrap()
}

/// The change that made this version of the room 1.
fn event(version: i64) -> Event {
    let change = Change {
        event_id: Uuid::new_v4(),
        object_type: "meetingroom".to_owned(),
        object_id: "1".to_owned(),
        version,
        action: Action::Updated,
        actor: "test".to_owned(),
        occurred_at: "2026-11-24T09:30:00.123456Z".to_owned(),
        changed_fields: Vec::new(),
        before: None,
        after: None,
    };
    Event { service: "meetingroom".to_owned(), change, traceparent: None }
}

#[tokio::test]
async fn events_are_stored_in_their_order_behind_the_last_one() {
    let nats = scratch::nats("").unwrap();
    let stream = open(&nats).await;
    let events: Vec<_> = (1..=300).map(event).collect();
    assert_eq!(stream.publish(&events, "e", 0).await.unwrap(), Some(300));
    for (sequence, event) in (1..).zip(&events) {
        assert_eq!(stream.event_at(sequence).await.unwrap(), Some(event.change.event_id));
    }
    assert_eq!(stream.event_at(301).await.unwrap(), None);
}

#[tokio::test]
async fn whoever_does_not_know_the_end_of_the_stream_publishes_nothing() {
    let nats = scratch::nats("").unwrap();
    let (stream, other) = (open(&nats).await, open(&nats).await);
    other.publish(&[event(1)], "e", 0).await.unwrap();
    stream.publish(&[event(2), event(3)], "e", 0).await.unwrap_err();
    stream.publish(&[event(2)], "e", 0).await.unwrap_err();
    assert_eq!(stream.position().await.unwrap().last, 1);
}

#[tokio::test]
async fn an_event_is_not_stored_without_those_before_it_when_somebody_else_publishes_what_is_between() {
    let nats = scratch::nats("").unwrap();
    let (stream, other) = (open(&nats).await, open(&nats).await);
    let events = [event(1), event(2), event(3)];
    // The other one knows the second event only.
    other.publish(&events[1..2], "e", 0).await.unwrap();
    stream.publish(&events, "e", 0).await.unwrap_err();
    assert_eq!(stream.position().await.unwrap().last, 1);
}

#[tokio::test]
async fn an_event_that_was_stored_a_moment_ago_is_not_stored_again() {
    let nats = scratch::nats("").unwrap();
    let stream = open(&nats).await;
    let events = [event(1), event(2), event(3)];
    stream.publish(&events[..2], "e", 0).await.unwrap();
    assert_eq!(stream.publish(&events[1..2], "e", 2).await.unwrap(), None);
    // Together with a new one it would hide that the new one is not stored.
    stream.publish(&events[1..], "e", 2).await.unwrap_err();
    assert_eq!(stream.position().await.unwrap().messages, 2);
}

#[tokio::test]
async fn a_stream_made_anew_has_another_epoch_and_takes_the_same_events_again() {
    let nats = scratch::nats("").unwrap();
    let stream = open(&nats).await;
    let first = stream.position().await.unwrap();
    let events = [event(1), event(2)];
    stream.publish(&events, &first.epoch, 0).await.unwrap();
    let epoch = stream.replace().await.unwrap();
    assert_ne!(epoch, first.epoch);
    let empty = stream.position().await.unwrap();
    assert_eq!((&empty.epoch, empty.last, empty.messages), (&epoch, 0, 0));
    assert_eq!(stream.publish(&events, &epoch, 0).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_stream_in_a_new_life_holds_what_it_held() {
    let nats = scratch::nats("").unwrap();
    let stream = open(&nats).await;
    let before = stream.position().await.unwrap();
    stream.publish(&[event(1)], &before.epoch, 0).await.unwrap();
    let epoch = stream.renew().await.unwrap();
    let after = stream.position().await.unwrap();
    assert_ne!(after.epoch, before.epoch);
    assert_eq!((after.epoch, after.last, after.messages), (epoch, 1, 1));
}

#[tokio::test]
async fn a_stream_found_again_keeps_its_epoch_and_takes_another_retention() {
    let nats = scratch::nats("").unwrap();
    let before = open(&nats).await.position().await.unwrap();
    let url = nats.url();
    let stream = EventStream::open(&url, "test", "_INBOX.test", "meetingroom", Duration::from_hours(2));
    assert_eq!(stream.await.unwrap().position().await.unwrap(), before);
}

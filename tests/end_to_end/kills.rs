//! What becomes of changes and events when processes die, and servers go away or lose what they had.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use async_nats::jetstream;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    observed::{all_published, assert_complete, stream},
    running::Running,
};

pub(crate) fn room(id: u32, name: &str) -> Value {
    json!({"id": id, "name": format!("room{id}"), "displayName": name, "number": 1000 + id})
}

/// Repeats a write under its key until it is answered for certain.
pub(crate) async fn insist(running: &Running, method: &str, room: Value, key: &str) {
    loop {
        let request = running.request(method, "2.0/meetingrooms", Some(room.clone())).header("Idempotency-Key", key);
        if let Ok(answer) = request.send().await {
            match answer.status().as_u16() {
                200 => return,
                503 | 504 => {}
                status => panic!("{key}: {status} {}", answer.text().await.unwrap()),
            }
        }
        // A client that gives the others room.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `rooms` rooms, each changed `turns` times after its creation, by a client for each.
async fn write(running: &Arc<Running>, rooms: u32, turns: u32) {
    let clients = (1..=rooms).map(|id| {
        let running = Arc::clone(running);
        tokio::spawn(async move {
            for turn in 1..=turns {
                insist(&running, "PUT", room(id, &format!("turn {turn}")), &format!("{id}/{turn}")).await;
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
}

async fn create(running: &Running, rooms: u32) {
    for id in 1..=rooms {
        insist(running, "POST", room(id, "new"), &format!("create {id}")).await;
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Kills the service at `point` of its first change, and starts it again.
async fn killed_at(point: &str) {
    let mut running = Running::start().await;
    create(&running, 2).await;
    all_published(&running).await;
    let first = running.take_meetingroom();
    tokio::task::spawn_blocking(move || first.stop(Duration::from_secs(20)).unwrap()).await.unwrap();
    let dying = running.meetingroom_with(&[("CONFIGMGT_FAIL_POINT", point)]).await;
    let running = Arc::new(running);
    let writing = tokio::spawn({
        let running = Arc::clone(&running);
        async move { write(&running, 2, 5).await }
    });
    assert!(!dying.wait().await.success(), "it did not die at {point}");
    let _next = running.site.spawn("meetingroom").unwrap();
    writing.await.unwrap();
    assert_eq!(assert_complete(&running).await, 12, "killed at {point}");
}

#[tokio::test]
async fn a_kill_before_the_commit_leaves_nothing_and_loses_nothing() {
    killed_at("before-commit").await;
}

#[tokio::test]
async fn a_kill_between_commit_and_answer_loses_nothing_and_doubles_nothing() {
    killed_at("after-commit").await;
}

#[tokio::test]
async fn a_kill_between_commit_and_publishing_loses_no_event() {
    killed_at("before-publish").await;
}

#[tokio::test]
async fn a_kill_between_acknowledgement_and_mark_loses_and_doubles_no_event() {
    killed_at("after-publish").await;
}

#[tokio::test]
async fn a_kill_after_the_mark_doubles_no_event() {
    killed_at("after-mark").await;
}

#[tokio::test]
async fn of_two_relays_one_publishes_and_the_other_takes_over_when_it_dies() {
    let mut running = Running::start().await;
    create(&running, 4).await;
    let second = running.another_meetingroom().await;
    let leader = running.take_meetingroom();
    let running = Arc::new(running);
    let writing = tokio::spawn({
        let running = Arc::clone(&running);
        async move { write(&running, 4, 50).await }
    });
    for _ in 0..60 {
        running.events.next().await;
    }
    leader.kill().unwrap();
    let killed = std::time::Instant::now();
    running.line("publishing events", |line| (line["service"] == "meetingroom").then_some(())).await;
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    writing.await.unwrap();
    assert_eq!(assert_complete(&running).await, 204);
    drop(second);
}

#[tokio::test]
async fn nats_can_go_away_during_a_thousand_writes() {
    let running = Arc::new(Running::start().await);
    create(&running, 10).await;
    let writing = tokio::spawn({
        let running = Arc::clone(&running);
        async move { write(&running, 10, 99).await }
    });
    for _ in 0..3 {
        for _ in 0..50 {
            running.events.next().await;
        }
        running.nats.kill().unwrap();
        running.nats.restart().unwrap();
    }
    writing.await.unwrap();
    assert_eq!(assert_complete(&running).await, 1000);
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_filled_again() {
    let running = Running::start().await;
    create(&running, 5).await;
    all_published(&running).await;
    let context = jetstream::new(running.bus().await);
    context.delete_stream("CONFIGMGT_EVENT_MEETINGROOM").await.unwrap();
    insist(&running, "PUT", room(1, "changed"), "change").await;
    assert_eq!(assert_complete(&running).await, 6);
    assert_eq!(stream(&running).await.len(), 6);
}

#[tokio::test]
async fn a_stream_that_was_emptied_is_filled_again() {
    let running = Running::start().await;
    create(&running, 5).await;
    all_published(&running).await;
    let context = jetstream::new(running.bus().await);
    context.get_stream("CONFIGMGT_EVENT_MEETINGROOM").await.unwrap().purge().await.unwrap();
    // The relay looks when it is connected again, and every minute.
    running.nats.kill().unwrap();
    running.nats.restart().unwrap();
    running.line("changes to publish again", |line| (line["changes"] == 5).then_some(())).await;
    assert_eq!(assert_complete(&running).await, 5);
}

#[tokio::test]
async fn a_nats_that_lost_everything_gets_every_event_again() {
    let running = Running::start().await;
    create(&running, 5).await;
    all_published(&running).await;
    running.nats.kill().unwrap();
    fs::remove_dir_all(running.nats.streams()).unwrap();
    running.nats.restart().unwrap();
    running.line("changes to publish again", |line| (line["changes"] == 5).then_some(())).await;
    assert_eq!(assert_complete(&running).await, 5);
}

#[tokio::test]
async fn a_nats_that_was_rolled_back_gets_the_lost_end_again() {
    let running = Running::start().await;
    create(&running, 5).await;
    all_published(&running).await;
    running.nats.stop().unwrap();
    let (streams, backup) = (running.nats.streams(), running.nats.streams().with_extension("backup"));
    copy(&streams, &backup);
    running.nats.restart().unwrap();
    running.ready().await;
    for turn in 1..=5 {
        insist(&running, "PUT", room(turn, "changed"), &format!("change {turn}")).await;
    }
    all_published(&running).await;
    running.nats.kill().unwrap();
    fs::remove_dir_all(&streams).unwrap();
    copy(&backup, &streams);
    running.nats.restart().unwrap();
    running.line("changes to publish again", |line| (line["changes"].as_i64() > Some(0)).then_some(())).await;
    assert_eq!(assert_complete(&running).await, 10);
}

#[tokio::test]
async fn after_a_database_was_set_back_the_stream_tells_what_is_true_again() {
    let mut running = Running::start().await;
    create(&running, 3).await;
    all_published(&running).await;
    let first = running.take_meetingroom();
    tokio::task::spawn_blocking(move || first.stop(Duration::from_secs(20)).unwrap()).await.unwrap();
    // As if the last change had never been.
    let pool = running.database().await;
    sqlx::raw_sql(
        "SET session_replication_role = replica;
         DELETE FROM meetingroom.journal WHERE object_id = '3';
         DELETE FROM meetingroom.object_version WHERE object_id = '3';
         DELETE FROM meetingroom.meetingroom WHERE id = 3;
         UPDATE meetingroom.relay_state SET sequence = 2,
             event_id = (SELECT event_id FROM meetingroom.journal WHERE object_id = '2')",
    )
    .execute(&pool)
    .await
    .unwrap();
    let _second = running.another_meetingroom().await;
    insist(&running, "PUT", room(1, "changed"), "change").await;
    assert_eq!(assert_complete(&running).await, 3);
    assert_eq!(stream(&running).await.len(), 3);
}

//! Following the objects of another service, over a real stream and a real database.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use configmgt_bus::EventStream;
use configmgt_contract::{
    BoxError, Example,
    events::{Action, Change, Event},
    meetingrooms::RoomState,
};
use configmgt_runtime::{
    connections::Connections,
    follow::{Apply, Followed, Follower},
    journal::Journal,
};
use configmgt_stack::{Nats, databases::Database, scratch};
use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use uuid::Uuid;

/// Tells what was applied, after it was: object, version, name.
type Applied = (String, i64, Option<String>);

struct Copy {
    applied: mpsc::UnboundedSender<Applied>,
    refuses: Arc<AtomicBool>,
}

impl Apply<RoomState> for Copy {
    async fn apply(&self, connection: &mut PgConnection, event: Followed<RoomState>) -> Result<(), BoxError> {
        let Followed { object_id, version, after, .. } = event;
        let name = after.map(|room| room.name);
        let sql = "INSERT INTO copy (id, name, turns) VALUES ($1, $2, 1)
                   ON CONFLICT (id) DO UPDATE SET name = $2, turns = copy.turns + 1";
        sqlx::query(sql).bind(&object_id).bind(&name).execute(connection).await?;
        self.applied.send((object_id, version, name))?;
        if self.refuses.load(Ordering::Relaxed) { Err("not now".into()) } else { Ok(()) }
    }
}

struct Following {
    nats: Nats,
    pool: PgPool,
    connections: Connections,
    applied: mpsc::UnboundedReceiver<Applied>,
    sender: mpsc::UnboundedSender<Applied>,
    refuses: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    gaps: Arc<std::sync::atomic::AtomicU64>,
}

impl Following {
    async fn start() -> Self {
        let database = Database::create().await.unwrap();
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE users.copy (id text PRIMARY KEY, name text, turns integer NOT NULL);
             GRANT ALL ON users.copy TO configmgt_users",
        )
        .execute(&owner)
        .await
        .unwrap();
        let pool = PgPool::connect_with(database.of_service("users")).await.unwrap();
        let nats = scratch::nats("").unwrap();
        let (sender, applied) = mpsc::unbounded_channel();
        let refuses = Arc::<AtomicBool>::default();
        let connections = Connections::new(database.of_service("users"));
        let (stop, task, gaps) = follower(&nats, &connections, &sender, &refuses);
        Self { nats, pool, connections, applied, sender, refuses, stop, task, gaps }
    }

    async fn restart(&mut self) {
        self.stop.send_replace(true);
        (&mut self.task).await.unwrap();
        (self.stop, self.task, self.gaps) = follower(&self.nats, &self.connections, &self.sender, &self.refuses);
    }

    async fn applied(&mut self, count: usize) -> Vec<Applied> {
        let mut applied = Vec::new();
        while applied.len() < count {
            applied.push(self.applied.recv().await.unwrap());
        }
        applied
    }

    /// The copy, once it has this version of this object: id, name and how often it was written.
    async fn copy_at(&self, object_id: &str, version: i64) -> Vec<(String, Option<String>, i32)> {
        loop {
            let known: Option<i64> = sqlx::query_scalar("SELECT version FROM followed WHERE object_id = $1")
                .bind(object_id)
                .fetch_optional(&self.pool)
                .await
                .unwrap();
            if known == Some(version) {
                return sqlx::query_as("SELECT * FROM copy ORDER BY id").fetch_all(&self.pool).await.unwrap();
            }
        }
    }
}

fn follower(
    nats: &Nats,
    connections: &Connections,
    applied: &mpsc::UnboundedSender<Applied>,
    refuses: &Arc<AtomicBool>,
) -> (watch::Sender<bool>, JoinHandle<()>, Arc<std::sync::atomic::AtomicU64>) {
    let copy = Copy { applied: applied.clone(), refuses: Arc::clone(refuses) };
    let (url, inbox) = (nats.url(), "_INBOX.users".to_owned());
    let journal = Journal::new(connections.clone());
    let follower = Follower::<RoomState, _>::new("users-meetingroom".to_owned(), url, inbox, journal, copy);
    let (stop, stopping) = watch::channel(false);
    let gaps = follower.gaps();
    (stop, tokio::spawn(follower.run(stopping)), gaps)
}

/// Room `id` in this version, with the version in its name.
fn event(id: i32, version: i64) -> Event {
    let room = RoomState { id, name: format!("room{id} v{version}"), ..RoomState::example() };
    let change = Change {
        event_id: Uuid::new_v4(),
        object_type: "meetingroom".to_owned(),
        object_id: id.to_string(),
        version,
        action: if version == 1 { Action::Created } else { Action::Updated },
        actor: "test".to_owned(),
        occurred_at: "2026-11-24T09:30:00.123456Z".to_owned(),
        changed_fields: Vec::new(),
        before: None,
        after: Some(json!(room)),
    };
    Event { service: "meetingroom".to_owned(), change, traceparent: None }
}

fn applied(id: i32, version: i64) -> Applied {
    (id.to_string(), version, Some(format!("room{id} v{version}")))
}

async fn publish(nats: &Nats, events: &[Event]) {
    let url = nats.url();
    let stream = EventStream::open(&url, "test", "_INBOX.test", "meetingroom", Duration::from_hours(1)).await.unwrap();
    let position = stream.position().await.unwrap();
    stream.publish(events, &position.epoch, position.last).await.unwrap();
}

#[tokio::test]
async fn events_are_applied_in_their_order_each_once() {
    let mut following = Following::start().await;
    publish(&following.nats, &[event(1, 1), event(2, 1), event(1, 2)]).await;
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(2, 1), applied(1, 2)]);
    let copy = following.copy_at("1", 2).await;
    let expected = [("1", "room1 v2", 2), ("2", "room2 v1", 1)];
    assert_eq!(copy, expected.map(|(id, name, turns)| (id.to_owned(), Some(name.to_owned()), turns)));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_applied_once() {
    let mut following = Following::start().await;
    // The same versions under other ids: as after a loss of the stream.
    publish(&following.nats, &[event(1, 1), event(1, 2), event(1, 1), event(1, 2), event(1, 3)]).await;
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(1, 2), applied(1, 3)]);
    assert_eq!(following.gaps.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_gap_is_counted_and_the_later_change_applied() {
    let mut following = Following::start().await;
    publish(&following.nats, &[event(1, 1), event(1, 4), event(2, 7)]).await;
    // A follower that is new knows nothing of an object's earlier changes: that is no gap.
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(1, 4), applied(2, 7)]);
    assert_eq!(following.gaps.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_follower_that_was_away_goes_on_where_it_was() {
    let mut following = Following::start().await;
    publish(&following.nats, &[event(1, 1), event(1, 2)]).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 2)]);
    following.copy_at("1", 2).await;
    following.restart().await;
    publish(&following.nats, &[event(1, 3)]).await;
    assert_eq!(following.applied(1).await, [applied(1, 3)]);
    assert_eq!(following.copy_at("1", 3).await[0].2, 3);
}

#[tokio::test]
async fn what_cannot_be_applied_is_tried_again_and_nothing_behind_it_before() {
    let mut following = Following::start().await;
    following.refuses.store(true, Ordering::Relaxed);
    publish(&following.nats, &[event(1, 1), event(2, 1)]).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 1)]);
    following.refuses.store(false, Ordering::Relaxed);
    assert_eq!(following.copy_at("2", 1).await.iter().map(|copy| copy.2).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_consumer_and_a_stream_that_were_deleted_are_found_again_and_nothing_is_applied_twice() {
    let mut following = Following::start().await;
    publish(&following.nats, &[event(1, 1), event(1, 2)]).await;
    following.copy_at("1", 2).await;
    let url = following.nats.url();
    let stream = EventStream::open(&url, "test", "_INBOX.test", "meetingroom", Duration::from_hours(1)).await.unwrap();
    stream.replace().await.unwrap();
    publish(&following.nats, &[event(1, 1), event(1, 2), event(1, 3)]).await;
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(1, 2), applied(1, 3)]);
    assert_eq!(following.copy_at("1", 3).await[0].2, 3);
}

#[tokio::test]
async fn a_follower_goes_on_after_nats_was_away() {
    let mut following = Following::start().await;
    publish(&following.nats, &[event(1, 1)]).await;
    following.copy_at("1", 1).await;
    following.nats.kill().unwrap();
    following.nats.restart().unwrap();
    publish(&following.nats, &[event(1, 2)]).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 2)]);
}

//! Following the objects of another service, over a real stream and real databases, with its own snapshots.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod proxy;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use configmgt_bus::{Caller, Connection, EventStream, Identity, Limits, Patience, Server};
use configmgt_contract::{
    BoxError,
    events::{Change, Event},
    meetingrooms::RoomState,
    numbers::DialNumber,
};
use configmgt_runtime::{
    connections::Connections,
    follow::{Apply, Followed, Follower},
    journal::{Journal, Object, show},
    service::Description,
};
use configmgt_stack::{Nats, databases::Database, scratch};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use proxy::Proxy;

/// The service that is followed, as far as it matters here.
const MEETINGROOM: Description = Description {
    name: "meetingroom",
    process: "test",
    version: "1.2.3",
    summary: "Rooms",
    objects: &[Object {
        name: "meetingroom",
        table: "meetingroom",
        key: "id",
        columns: "id, name, display_name, number, user_pin",
        secrets: &[("user_pin", "userPin")],
        show: show::<Row, RoomState>,
    }],
    follows: &[],
    initial: &[],
    handlers: |handlers, _| Ok(handlers),
};

/// A row of the table `meetingroom` without its secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: i32,
    name: String,
    display_name: String,
    number: i64,
}

impl From<Row> for RoomState {
    fn from(Row { id, name, display_name, number }: Row) -> Self {
        Self { id, name, display_name, number: DialNumber::from_stored(number) }
    }
}

/// Tells what was applied, after it was: object, version, name; no name where it was deleted.
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

/// The meeting rooms and their stream, and the users service, which follows them here.
struct Following {
    nats: Nats,
    rooms: PgPool,
    copy: PgPool,
    database: Database,
    server: Option<Server>,
    /// The last row of the journal that is published.
    published: i64,
    applied: mpsc::UnboundedReceiver<Applied>,
    sender: mpsc::UnboundedSender<Applied>,
    refuses: Arc<AtomicBool>,
    instances: Vec<Instance>,
}

/// A follower that runs.
struct Instance {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    gaps: Arc<AtomicU64>,
}

impl Following {
    /// Nobody follows yet.
    async fn prepare() -> Self {
        let database = Database::create().await.unwrap();
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE users.copy (id text PRIMARY KEY, name text, turns integer NOT NULL);
             GRANT ALL ON users.copy TO configmgt_users",
        )
        .execute(&owner)
        .await
        .unwrap();
        let (sender, applied) = mpsc::unbounded_channel();
        let mut following = Self {
            nats: scratch::nats("").unwrap(),
            rooms: PgPool::connect_with(database.of_service("meetingroom")).await.unwrap(),
            copy: PgPool::connect_with(database.of_service("users")).await.unwrap(),
            database,
            server: None,
            published: 0,
            applied,
            sender,
            refuses: Arc::default(),
            instances: Vec::new(),
        };
        following.serve().await;
        following.stream(HOUR).await;
        following
    }

    /// Somebody follows, and has found no rooms.
    async fn start() -> Self {
        let mut following = Self::prepare().await;
        following.follow();
        let begun = "SELECT EXISTS (SELECT FROM following WHERE epoch <> '')";
        while !sqlx::query_scalar::<_, bool>(begun).fetch_one(&following.copy).await.unwrap() {}
        following
    }

    /// Starts an instance of the service that is followed.
    async fn serve(&mut self) {
        let connection = Connection::open(&self.nats.url(), "test", "_INBOX.test").await.unwrap();
        let journal = Journal::new(Connections::new(self.database.of_service("meetingroom")));
        let identity = Identity {
            id: Uuid::new_v4().simple().to_string(),
            version: "1.2.3".to_owned(),
            description: "Rooms".to_owned(),
            metadata: BTreeMap::new(),
        };
        let handlers = MEETINGROOM.common(&journal);
        self.server = Some(Server::start(&connection, &handlers, identity, Limits::default()).await.unwrap());
    }

    /// Starts a follower.
    fn follow(&mut self) {
        self.follow_into(self.database.of_service("users"));
    }

    /// Starts a follower that keeps its copy there.
    fn follow_into(&mut self, own: PgConnectOptions) {
        let copy = Copy { applied: self.sender.clone(), refuses: Arc::clone(&self.refuses) };
        let caller = Caller::start(&self.nats.url(), "test", "_INBOX.users", Patience::default());
        let journal = Journal::new(Connections::new(own));
        let follower = Follower::<RoomState, _>::new("users", caller, journal, copy);
        let (stop, stopping) = watch::channel(false);
        let gaps = follower.gaps();
        self.instances.push(Instance { stop, task: tokio::spawn(follower.run(stopping)), gaps });
    }

    /// Ends all followers.
    async fn leave(&mut self) {
        for Instance { stop, task, .. } in self.instances.drain(..) {
            stop.send_replace(true);
            task.await.unwrap();
        }
    }

    async fn stream(&self, keep: Duration) -> EventStream {
        EventStream::open(&self.nats.url(), "test", "_INBOX.test", "meetingroom", keep).await.unwrap()
    }

    /// Changes rooms, without a word to anybody.
    async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.rooms).await.unwrap();
    }

    /// Brings room `id` to this version, with the version in its name.
    async fn set(&self, id: i32, version: i64) {
        let name = format!("room{id} v{version}");
        self.run(&if version == 1 {
            format!("INSERT INTO meetingroom (id, name, display_name, number) VALUES ({id}, '{name}', 'A', {id})")
        } else {
            format!("UPDATE meetingroom SET name = '{name}' WHERE id = {id}")
        })
        .await;
    }

    /// The changes that are not published yet.
    async fn unpublished(&mut self) -> Vec<Event> {
        let sql = "SELECT id, object_id, object_version, action, after FROM journal WHERE id > $1 ORDER BY id";
        let rows: Vec<(i64, String, i64, String, Option<Value>)> =
            sqlx::query_as(sql).bind(self.published).fetch_all(&self.rooms).await.unwrap();
        let show = MEETINGROOM.objects[0].show;
        let event = |(id, object_id, version, action, after): (i64, String, i64, String, Option<Value>)| {
            self.published = id;
            let change = Change {
                event_id: Uuid::new_v4(),
                object_type: "meetingroom".to_owned(),
                object_id,
                version,
                action: action.parse().unwrap(),
                actor: "test".to_owned(),
                occurred_at: "2026-11-24T09:30:00.123456Z".to_owned(),
                changed_fields: Vec::new(),
                before: None,
                after: after.map(|row| show(row).unwrap()),
            };
            Event { service: "meetingroom".to_owned(), change, traceparent: None }
        };
        rows.into_iter().map(event).collect()
    }

    async fn send(&self, events: &[Event]) {
        let stream = self.stream(HOUR).await;
        let position = stream.position().await.unwrap();
        stream.publish(events, &position.epoch, position.last).await.unwrap();
    }

    async fn publish(&mut self) {
        let events = self.unpublished().await;
        self.send(&events).await;
    }

    /// Brings a room to this version and publishes what is not published yet.
    async fn change(&mut self, id: i32, version: i64) {
        self.set(id, version).await;
        self.publish().await;
    }

    /// Lets all events grow too old.
    async fn expire(&self) {
        let stream = self.stream(Duration::from_millis(100)).await;
        while stream.position().await.unwrap().messages > 0 {}
        self.stream(HOUR).await;
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
                .fetch_optional(&self.copy)
                .await
                .unwrap();
            if known == Some(version) {
                return sqlx::query_as("SELECT * FROM copy ORDER BY id").fetch_all(&self.copy).await.unwrap();
            }
        }
    }

    fn gaps(&self) -> u64 {
        self.instances.iter().map(|instance| instance.gaps.load(Ordering::Relaxed)).sum()
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn applied(id: i32, version: i64) -> Applied {
    (id.to_string(), version, Some(format!("room{id} v{version}")))
}

fn deleted(id: i32, version: i64) -> Applied {
    (id.to_string(), version, None)
}

/// A row of the copy that was written so often.
fn row((id, _, name): Applied, turns: i32) -> (String, Option<String>, i32) {
    (id, name, turns)
}

#[tokio::test]
async fn events_are_applied_in_their_order_each_once() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.change(2, 1).await;
    following.change(1, 2).await;
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(2, 1), applied(1, 2)]);
    assert_eq!(following.copy_at("1", 2).await, [row(applied(1, 2), 2), row(applied(2, 1), 1)]);
}

#[tokio::test]
async fn an_event_that_comes_twice_is_applied_once() {
    let mut following = Following::start().await;
    following.set(1, 1).await;
    following.set(1, 2).await;
    let events = following.unpublished().await;
    following.send(&events).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 2)]);
    // The same versions under other ids: as after a loss of the stream's end.
    let again = events.into_iter().map(|mut event| {
        event.change.event_id = Uuid::new_v4();
        event
    });
    following.send(&again.collect::<Vec<_>>()).await;
    following.change(1, 3).await;
    assert_eq!(following.applied(1).await, [applied(1, 3)]);
    assert_eq!(following.gaps(), 0);
}

#[tokio::test]
async fn an_event_is_applied_once_however_many_instances_follow() {
    let mut following = Following::start().await;
    following.follow();
    for version in 1..=20 {
        following.change(1, version).await;
    }
    assert_eq!(following.copy_at("1", 20).await, [row(applied(1, 20), 20)]);
}

#[tokio::test]
async fn a_gap_is_counted_and_the_later_change_applied() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    assert_eq!(following.applied(1).await, [applied(1, 1)]);
    following.set(1, 2).await;
    following.unpublished().await;
    following.change(1, 3).await;
    assert_eq!(following.applied(1).await, [applied(1, 3)]);
    assert_eq!(following.gaps(), 1);
}

#[tokio::test]
async fn a_follower_that_was_away_goes_on_where_it_was() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.copy_at("1", 1).await;
    following.leave().await;
    following.change(1, 2).await;
    following.change(1, 3).await;
    following.follow();
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(1, 2), applied(1, 3)]);
    assert_eq!(following.copy_at("1", 3).await, [row(applied(1, 3), 3)]);
}

#[tokio::test]
async fn what_cannot_be_applied_is_tried_again_and_nothing_behind_it_before() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.copy_at("1", 1).await;
    following.refuses.store(true, Ordering::Relaxed);
    following.change(1, 2).await;
    following.change(2, 1).await;
    assert_eq!(following.applied(3).await, [applied(1, 1), applied(1, 2), applied(1, 2)]);
    following.refuses.store(false, Ordering::Relaxed);
    assert_eq!(following.copy_at("2", 1).await, [row(applied(1, 2), 2), row(applied(2, 1), 1)]);
}

#[tokio::test]
async fn a_new_follower_knows_the_objects_whose_events_are_gone() {
    let mut following = Following::prepare().await;
    following.change(1, 1).await;
    following.change(2, 1).await;
    following.change(2, 2).await;
    following.expire().await;
    following.follow();
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(2, 2)]);
    following.change(1, 2).await;
    assert_eq!(following.applied(1).await, [applied(1, 2)]);
    assert_eq!(following.copy_at("1", 2).await, [row(applied(1, 2), 2), row(applied(2, 2), 1)]);
    assert_eq!(following.gaps(), 0);
}

#[tokio::test]
async fn a_new_follower_takes_events_older_than_its_snapshot_for_known() {
    let mut following = Following::prepare().await;
    following.change(1, 1).await;
    following.change(2, 1).await;
    following.run("DELETE FROM meetingroom WHERE id = 2").await;
    following.publish().await;
    following.follow();
    following.copy_at("1", 1).await;
    following.change(1, 2).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 2)]);
}

#[tokio::test]
async fn a_follower_that_was_away_for_longer_than_events_are_kept_learns_what_changed_and_what_was_deleted() {
    let mut following = Following::start().await;
    for id in 1..=3 {
        following.change(id, 1).await;
    }
    following.copy_at("3", 1).await;
    following.leave().await;
    following.run("DELETE FROM meetingroom WHERE id = 1").await;
    following.change(2, 2).await;
    following.change(4, 1).await;
    following.expire().await;
    following.follow();
    assert_eq!(
        following.applied(6).await,
        [applied(1, 1), applied(2, 1), applied(3, 1), applied(2, 2), applied(4, 1), deleted(1, 2)]
    );
    following.copy_at("4", 1).await;
    // The room comes back: its third version follows a deletion that nobody told of.
    following.run("INSERT INTO meetingroom (id, name, display_name, number) VALUES (1, 'room1 v3', 'A', 1)").await;
    following.publish().await;
    let copy = following.copy_at("1", 3).await;
    assert_eq!(copy, [row(applied(1, 3), 3), row(applied(2, 2), 2), row(applied(3, 1), 1), row(applied(4, 1), 1)]);
    assert_eq!(following.gaps(), 0);
}

#[tokio::test]
async fn a_snapshot_of_many_pages_is_taken_whole() {
    let mut following = Following::prepare().await;
    following
        .run(
            "INSERT INTO meetingroom (name, display_name, number, user_pin)
             SELECT 'r' || i, 'A', i, '1234' FROM generate_series(1, 1201) i",
        )
        .await;
    following.follow();
    assert_eq!(following.copy_at("1201", 1).await.len(), 1201);
}

#[tokio::test]
async fn a_follower_waits_for_the_service_whose_objects_it_does_not_know() {
    let mut following = Following::prepare().await;
    following.set(1, 1).await;
    following.unpublished().await;
    following.server.take().unwrap().stop().await;
    following.follow();
    following.change(2, 1).await;
    following.serve().await;
    assert_eq!(following.copy_at("2", 1).await, [row(applied(1, 1), 1), row(applied(2, 1), 1)]);
}

#[tokio::test]
async fn a_follower_goes_back_with_a_database_that_was_set_back() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.change(1, 2).await;
    following.change(2, 1).await;
    following.copy_at("2", 1).await;
    // As its backup has it: room 1 in its first version, then changed to another second one, and room 2 not there yet.
    let owner = PgPool::connect_with(following.database.owner.clone()).await.unwrap();
    sqlx::raw_sql(
        "SET session_replication_role = replica; SET search_path TO meetingroom;
         DELETE FROM meetingroom WHERE id = 2; DELETE FROM object_version; TRUNCATE journal;
         UPDATE meetingroom SET name = 'room1 v1', version = 1",
    )
    .execute(&owner)
    .await
    .unwrap();
    following.run("UPDATE meetingroom SET name = 'other' WHERE id = 1").await;
    following.stream(HOUR).await.replace().await.unwrap();
    following.publish().await;
    let other = ("1".to_owned(), 2, Some("other".to_owned()));
    let seen = following.applied(5).await;
    assert_eq!(seen, [applied(1, 1), applied(1, 2), applied(2, 1), other.clone(), deleted(2, 2)]);
    following.change(2, 1).await;
    assert_eq!(following.copy_at("2", 1).await, [row(other, 3), row(applied(2, 1), 3)]);
}

#[tokio::test]
async fn a_follower_goes_on_after_the_stream_was_made_anew() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.copy_at("1", 1).await;
    following.stream(HOUR).await.replace().await.unwrap();
    following.change(1, 2).await;
    following.copy_at("1", 2).await;
    following.change(1, 3).await;
    assert_eq!(following.copy_at("1", 3).await[0].1.as_deref(), Some("room1 v3"));
    assert_eq!(following.gaps(), 0);
}

#[tokio::test]
async fn a_follower_goes_on_after_nats_was_away() {
    let mut following = Following::start().await;
    following.change(1, 1).await;
    following.copy_at("1", 1).await;
    following.nats.kill().unwrap();
    following.nats.restart().unwrap();
    following.change(1, 2).await;
    assert_eq!(following.applied(2).await, [applied(1, 1), applied(1, 2)]);
}

#[tokio::test]
async fn a_follower_whose_database_fell_silent_goes_on_over_a_new_connection() {
    let mut following = Following::prepare().await;
    let proxy = Proxy::before(&following.database).await;
    following.follow_into(proxy.through(following.database.of_service("users")));
    following.change(1, 1).await;
    // It is told of while the transaction is still open.
    following.applied(1).await;
    proxy.fall_silent();
    following.change(1, 2).await;
    let caught_up = async { while following.applied(1).await[0].1 < 2 {} };
    tokio::time::timeout(Duration::from_mins(1), caught_up).await.unwrap();
}

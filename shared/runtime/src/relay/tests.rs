//! The relay between a real database and a real stream.

#[path = "../../tests/proxy/mod.rs"]
mod proxy;

use configmgt_bus::Position;
use configmgt_contract::LONGEST_WRITE;
use configmgt_stack::{Nats, databases::Database, scratch};
use sqlx::{AssertSqlSafe, PgPool};

use self::proxy::Proxy;
use super::*;
use crate::{
    connections::Connections,
    prune::{self, Keep},
};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

/// A database with a stream for its meeting rooms.
struct Site {
    relay: Relay,
    database: Database,
    /// As the role that owns the schema.
    owner: PgPool,
    _nats: Nats,
}

impl Site {
    async fn start() -> Self {
        let database = Database::create().await.unwrap();
        let nats = scratch::nats("").unwrap();
        let relay = Relay {
            service: "meetingroom",
            process: "test",
            nats_url: nats.url(),
            database: database.of_service("meetingroom"),
            objects: &[Object {
                name: "meetingroom",
                table: "meetingroom",
                key: "id",
                columns: "id, name, display_name, number, user_pin",
                secrets: &[("user_pin", "userPin")],
                show: Ok,
            }],
            keep: DAY,
            written: Arc::default(),
        };
        let owner = database.owner.clone().options([("search_path", "meetingroom")]);
        let owner = PgPool::connect_with(owner).await.unwrap();
        Self { relay, database, owner, _nats: nats }
    }

    /// Begins to publish.
    async fn publisher(&self) -> Publisher<'_> {
        let connection = self.relay.database.connect().await.unwrap();
        let mut publisher = Publisher::open(&self.relay, connection).await.unwrap();
        publisher.compare().await.unwrap();
        publisher
    }

    async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.owner).await.unwrap();
    }

    /// Makes rooms with these ids, in this order.
    async fn create(&self, rooms: impl IntoIterator<Item = i32>) {
        for id in rooms {
            self.run(&format!(
                "INSERT INTO meetingroom (id, name, display_name, number) VALUES ({id}, '{id}', 'A', {id})"
            ))
            .await;
        }
    }

    /// Has the room's changes be made so long ago.
    async fn age(&self, room: i32, age: Duration) {
        let age = age.as_secs();
        self.run(&format!("UPDATE journal SET occurred_at = now() - interval '{age} s' WHERE object_id = '{room}'"))
            .await;
    }

    /// Forgets what is older than `keep`; gives how many changes that were.
    async fn prune(&self, keep: Duration) -> i64 {
        let connections = Connections::new(self.database.of_service("meetingroom"));
        prune::once(&connections, Keep { journal: keep, idempotency: DAY }).await.unwrap().0
    }

    /// The events of the changes of these rooms.
    async fn events(&self, rooms: impl IntoIterator<Item = i32>) -> Vec<Uuid> {
        let mut events = Vec::new();
        for id in rooms {
            let of_room =
                sqlx::query_scalar::<_, Uuid>("SELECT event_id FROM journal WHERE object_id = $1 ORDER BY id");
            events.extend(of_room.bind(id.to_string()).fetch_all(&self.owner).await.unwrap());
        }
        events
    }

    /// How many ids are in the outbox.
    async fn waiting(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&self.owner).await.unwrap()
    }
}

impl Publisher<'_> {
    /// Publishes all that is to be published.
    async fn publish_all(&mut self) {
        self.publish_until(&mut watch::channel(true).1).await.unwrap();
    }

    async fn position(&self) -> Position {
        self.stream.position().await.unwrap()
    }

    /// What the stream holds.
    async fn published(&self) -> Vec<Uuid> {
        let Position { first, last, .. } = self.position().await;
        let mut published = Vec::new();
        for sequence in first..=last {
            published.extend(self.stream.event_at(sequence).await.unwrap());
        }
        published
    }
}

#[tokio::test]
async fn a_stream_whose_first_events_the_journal_has_forgotten_is_left_alone() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create(1..=3).await;
    publisher.publish_all().await;
    let position = publisher.position().await;
    // As in a stream that was filled again: it keeps all events from that day on, the journal each from its own.
    site.age(1, DAY + HOUR).await;
    site.age(2, HOUR).await;
    site.age(3, HOUR).await;
    assert_eq!(site.prune(DAY).await, 1);
    publisher.compare().await.unwrap();
    assert_eq!(site.waiting().await, 0);
    assert_eq!(publisher.position().await, position);
}

#[tokio::test]
async fn a_stream_whose_last_event_the_journal_has_forgotten_is_left_alone() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create(1..=3).await;
    publisher.publish_all().await;
    let position = publisher.position().await;
    assert_eq!(site.prune(Duration::ZERO).await, 3);
    publisher.compare().await.unwrap();
    assert_eq!(publisher.position().await, position);
}

#[tokio::test]
async fn a_stream_whose_last_events_were_published_by_a_relay_that_died_is_left_alone() {
    let site = Site::start().await;
    let mut first = site.publisher().await;
    site.create(1..=3).await;
    first.publish_all().await;
    let position = first.position().await;
    // As if it had died before it could take them out.
    site.run("INSERT INTO outbox SELECT id FROM journal; UPDATE relay_state SET sequence = 0, event_id = NULL").await;
    let mut second = site.publisher().await;
    second.publish_all().await;
    assert_eq!(site.waiting().await, 0);
    assert_eq!(site.prune(Duration::ZERO).await, 3);
    second.compare().await.unwrap();
    assert_eq!(second.position().await, position);
}

#[tokio::test]
async fn what_a_stream_has_lost_of_its_beginning_is_published_again() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create([1]).await;
    publisher.publish_all().await;
    let keep_little = Duration::from_millis(100);
    let other =
        EventStream::open(&site.relay.nats_url, "test", "_INBOX.test", "meetingroom", keep_little).await.unwrap();
    while other.position().await.unwrap().messages > 0 {}
    EventStream::open(&site.relay.nats_url, "test", "_INBOX.test", "meetingroom", DAY).await.unwrap();
    site.create(2..=3).await;
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, site.events(2..=3).await);
    site.age(1, HOUR).await;
    publisher.compare().await.unwrap();
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, site.events(1..=3).await);
}

#[tokio::test]
async fn what_a_stream_has_lost_of_its_end_is_published_again_however_late_it_was_committed() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create([2]).await;
    publisher.publish_all().await;
    // Made before room 2, in the longest transaction that there is, and committed after it.
    site.create([1]).await;
    site.age(1, LONGEST_WRITE).await;
    // As if it had been published behind room 2, and then been lost.
    site.run(
        "DELETE FROM outbox;
         UPDATE relay_state SET sequence = 2, event_id = (SELECT event_id FROM journal WHERE object_id = '1')",
    )
    .await;
    publisher.compare().await.unwrap();
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, site.events([2, 1]).await);
}

#[tokio::test]
async fn ids_without_a_change_hold_nothing_up() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    // More than are read at a time.
    site.run("INSERT INTO outbox SELECT nextval('journal_id_seq') FROM generate_series(1, 1000)").await;
    site.create([1]).await;
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, site.events([1]).await);
    assert_eq!(site.waiting().await, 0);
}

#[tokio::test]
async fn what_is_about_to_be_published_again_is_not_forgotten_meanwhile() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create(1..=3).await;
    publisher.publish_all().await;
    let events = site.events(1..=3).await;
    publisher.epoch = publisher.stream.replace().await.unwrap();
    publisher.last = 0;
    // Holds up whoever wants to put the last change back.
    let mut other = site.owner.begin().await.unwrap();
    sqlx::query("INSERT INTO outbox SELECT max(id) FROM journal").execute(&mut *other).await.unwrap();
    let forget = async {
        let held_up = "SELECT EXISTS (SELECT FROM pg_stat_activity
                                      WHERE datname = current_database() AND wait_event = 'transactionid')";
        while !sqlx::query_scalar::<_, bool>(held_up).fetch_one(&site.owner).await.unwrap() {}
        let forgotten = site.prune(Duration::ZERO).await;
        other.rollback().await.unwrap();
        forgotten
    };
    let (enqueued, forgotten) = tokio::join!(publisher.enqueue(None), forget);
    enqueued.unwrap();
    assert_eq!(forgotten, 0);
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, events);
    assert_eq!(site.prune(Duration::ZERO).await, 3);
}

#[tokio::test]
async fn journal_and_stream_are_compared_while_changes_come() {
    let site = Site::start().await;
    let mut publisher = site.publisher().await;
    site.create(1..=3).await;
    publisher.publish_all().await;
    publisher.stream.replace().await.unwrap();
    site.create([4]).await;
    publisher.next_comparison = Instant::now();
    publisher.publish_all().await;
    assert_eq!(publisher.published().await, site.events(1..=4).await);
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up() {
    let mut site = Site::start().await;
    let proxy = Proxy::before(&site.database).await;
    site.relay.database = proxy.through(site.relay.database);
    let mut publisher = site.publisher().await;
    site.create([1]).await;
    publisher.publish_all().await;
    proxy.fall_silent();
    let attempt = timeout(Duration::from_secs(15), publisher.publish_batch()).await;
    assert!(matches!(attempt, Ok(Err(RelayError::Database(_)))), "{attempt:?}");
}

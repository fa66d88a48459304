use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use configmgt_stack::{Postgres, Process, databases::Database, scratch};
use futures_util::future::join_all;

use crate::{
    kills::{insist, room},
    observed::assert_complete,
    running::{Running, times},
};

const CLIENTS: u32 = 16;

/// The objects that are written, each by one client.
const OBJECTS: u32 = 200;

/// Between two kills.
const KILL_EVERY: Duration = Duration::from_secs(2);

/// Everything that can be killed.
struct Victims {
    edge: Process,
    services: [Process; 2],
    running: Arc<Running>,
    postgres: Arc<Postgres>,
}

impl Victims {
    /// Kills one of them, and starts it again.
    fn kill(&mut self, which: u64) -> &'static str {
        let spawn = |name| self.running.site.spawn(name).unwrap();
        match which % 5 {
            0 => {
                self.edge.kill().unwrap();
                self.edge = spawn("edge");
                "edge"
            }
            replica @ (1 | 2) => {
                let service = if replica == 1 { &mut self.services[0] } else { &mut self.services[1] };
                service.kill().unwrap();
                *service = spawn("meetingroom");
                "meetingroom"
            }
            3 => {
                self.running.nats.kill().unwrap();
                self.running.nats.restart().unwrap();
                "nats-server"
            }
            _ => {
                self.postgres.kill().unwrap();
                self.postgres.restart().unwrap();
                "PostgreSQL"
            }
        }
    }
}

/// Ends the killing, also when the test fails.
struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The command for the long run is in `docs/reliability.md`.
#[tokio::test]
async fn writes_that_are_repeated_until_answered_have_one_effect_and_one_event_whatever_is_killed() {
    let writes = times("CONFIGMGT_TEST_SOAK_WRITES", 3_000);
    let postgres = Arc::new(scratch::durable_postgres().unwrap());
    let mut running = Running::on(Database::on(&postgres).await.unwrap(), &[]).await;
    let services = [running.take_meetingroom(), running.another_meetingroom().await];
    let running = Arc::new(running);
    // The first edge belongs to the product: it goes, and its place is taken.
    running.edge.kill().unwrap();
    let edge = running.site.spawn("edge").unwrap();
    let mut victims = Victims { edge, services, running: Arc::clone(&running), postgres: Arc::clone(&postgres) };

    // Before the first kill: an id that a killed creation had taken would be missing.
    for id in 1..=OBJECTS {
        insist(&running, "POST", room(id, "new"), &format!("create {id}")).await;
    }

    let (done, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let finished = Arc::clone(&done);
    let done = Done(done);
    let killing = tokio::task::spawn_blocking(move || {
        let mut kills = Vec::new();
        // Any order will do, as long as it is no rhythm.
        let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
        while !finished.load(Ordering::Relaxed) {
            let until = Instant::now() + KILL_EVERY;
            while Instant::now() < until && !finished.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            kills.push(victims.kill(chance >> 33));
        }
        (kills, victims)
    });

    let began = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (running, next) = (Arc::clone(&running), Arc::clone(&next));
        tokio::spawn(async move {
            let mut turn = 0;
            while next.fetch_add(1, Ordering::Relaxed) < writes {
                turn += 1;
                // Each client has objects of its own, so that it knows what they are.
                let id = client + 1 + CLIENTS * (turn % (OBJECTS / CLIENTS));
                insist(&running, "PUT", room(id, &format!("turn {turn}")), &format!("{id}/{turn}")).await;
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    let took = began.elapsed();
    drop(done);
    let (kills, victims) = killing.await.unwrap();
    println!("killed: {}", kills.join(", "));
    running.ready().await;
    let changes = assert_complete(&running).await;
    println!("{writes} writes in {took:?} with {} kills: {changes} changes, each with its event", kills.len());
    assert_eq!(changes, (OBJECTS + writes) as usize);
    drop(victims);
}

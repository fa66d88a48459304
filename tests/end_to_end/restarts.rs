use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use configmgt_stack::Process;
use futures_util::future::join_all;
use serde_json::json;

use crate::running::{Running, times};

/// Reads and writes from eight clients until they are told to stop. Gives the number of requests, and those not answered 200.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(running: &Arc<Running>, writes: bool) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..8).map(|client| {
            let (running, stop, done) = (Arc::clone(running), Arc::clone(&stop), Arc::clone(&done));
            tokio::spawn(async move {
                let mut failures = Vec::new();
                let mut turn = 0;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let id = client + 1;
                    let room = json!({"id": id, "name": format!("room{id}"), "displayName": format!("Turn {turn}"), "number": 100_000 + id});
                    let answer = if writes && turn % 2 == 0 {
                        running.ask("PUT", "2.0/meetingrooms", Some(room)).await
                    } else {
                        running.ask("GET", &format!("2.0/meetingrooms/{id}"), None).await
                    };
                    if answer.0 != 200 {
                        failures.push(format!("{answer:?}"));
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                failures
            })
        });
        let clients = clients.collect();
        Self { stop, done, clients }
    }

    async fn another(&self, requests: u64) {
        let enough = self.done.load(Ordering::Relaxed) + requests;
        while self.done.load(Ordering::Relaxed) < enough {
            tokio::task::yield_now().await;
        }
    }

    async fn failures(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        join_all(self.clients).await.into_iter().flat_map(Result::unwrap).collect()
    }
}

async fn two_replicas() -> (Arc<Running>, Process) {
    let running = Running::start().await;
    running.insert_rooms(8).await;
    let second = running.another_meetingroom().await;
    (Arc::new(running), second)
}

#[tokio::test]
async fn restarting_one_of_two_replicas_under_load_fails_no_request() {
    let (running, mut second) = two_replicas().await;
    let load = Load::start(&running, true);
    for _ in 0..times("CONFIGMGT_TEST_RESTARTS", 20) {
        load.another(50).await;
        let stopping = tokio::task::spawn_blocking(move || second.stop(Duration::from_secs(20)).unwrap());
        assert!(stopping.await.unwrap().success());
        second = running.another_meetingroom().await;
    }
    assert_eq!(load.failures().await, Vec::<String>::new());
}

#[tokio::test]
async fn killing_one_of_two_replicas_under_load_fails_no_read() {
    let (running, mut second) = two_replicas().await;
    let load = Load::start(&running, false);
    for _ in 0..times("CONFIGMGT_TEST_KILLS", 10) {
        load.another(50).await;
        second.kill().unwrap();
        second.wait().await;
        second = running.another_meetingroom().await;
    }
    assert_eq!(load.failures().await, Vec::<String>::new());
}

use configmgt_contract::{
    Fault, Kind, Operation, OperationDoc, Status,
    agents::{CreateAgent, DeleteAgent, GetAgent, ReplaceAgent},
    changes::{ListChanges, RevertChange},
    dissuasions::{GetDissuasion, SetSoundFile, SetTarget},
    queues::{CreateQueue, DeleteQueue, ReplaceQueue},
};
use serde_json::{Value, json};

use crate::{Service, agents::agent, fault, sounds_folder::SoundsFolder};

/// Asks, and checks that this left one change.
async fn left<O: Operation>(service: &Service, doc: OperationDoc, request: Value, change: &str) {
    let before = journal(service).await;
    service.ask_of::<O>(doc, request).await.unwrap();
    let after = journal(service).await;
    assert_eq!(after[before.len()..], [change.to_owned()], "{}", doc.name);
}

async fn journal(service: &Service) -> Vec<String> {
    let sql = "SELECT concat_ws(' ', object_type, object_id, action) FROM queue_dissuasion.journal ORDER BY id";
    sqlx::query_scalar(sql).fetch_all(&service.owner).await.unwrap()
}

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let folder = SoundsFolder::with(&["sales_a.wav"]);
    let service = Service::with_sounds(&folder, None, &[]).await;
    let mut left_by = Vec::new();
    macro_rules! leaves {
        ($request:ty, $body:tt, $change:literal) => {
            let doc = <$request>::DOC.of("queue-dissuasion");
            left::<$request>(&service, doc, json!($body), $change).await;
            left_by.push(doc.name);
        };
    }
    leaves!(CreateQueue, {"name": "sales"}, "queue 1 created");
    leaves!(ReplaceQueue, {"id": 1, "fields": {"name": "sells"}}, "queue 1 updated");
    let event_id: String =
        sqlx::query_scalar("SELECT event_id::text FROM queue_dissuasion.journal ORDER BY id DESC LIMIT 1")
            .fetch_one(&service.owner)
            .await
            .unwrap();
    leaves!(RevertChange, {"event_id": event_id}, "queue 1 updated");
    leaves!(DeleteQueue, {"id": 1}, "queue 1 deleted");
    service.run("INSERT INTO queue (name, display_name) VALUES ('sales', 'Sales'), ('support', 'Support')").await;
    leaves!(SetSoundFile, {"id": 2, "to": {"soundFile": "sales_a"}}, "dissuasion 2 created");
    leaves!(SetTarget, {"id": 2, "to": {"queueName": "support"}}, "dissuasion 2 updated");
    let agent = json!({"firstname": "A", "lastname": "", "number": "1", "context": "default"});
    let changed = json!({"firstname": "B", "lastname": "", "number": "1", "context": "default"});
    leaves!(CreateAgent, agent, "agent 1 created");
    leaves!(ReplaceAgent, {"id": 1, "fields": changed}, "agent 1 updated");
    leaves!(DeleteAgent, {"id": 1}, "agent 1 deleted");

    // A new operation that writes has to stand above, too.
    let mut writes: Vec<_> =
        service.handlers.operations().filter(|doc| doc.kind == Kind::Write).map(|doc| doc.name).collect();
    writes.sort_unstable();
    left_by.sort_unstable();
    assert_eq!(writes, left_by);
}

#[tokio::test]
async fn the_history_shows_a_queue_as_clients_know_it() {
    let service = Service::start().await;
    service.ask::<CreateQueue>(json!({"name": "sales", "number": "3000"})).await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 1})).await.unwrap();
    let sales = json!({"id": 1, "name": "sales", "displayName": "sales", "number": "3000"});
    let changes = [("queue 1 created".to_owned(), sales), ("queue 1 deleted".to_owned(), Value::Null)];
    assert_eq!(service.changes_of("queue").await, changes);
}

impl Service {
    /// Takes the latest change of this object back.
    async fn revert_latest(&self, object_type: &str, id: i32) -> Result<Value, Fault> {
        let latest = json!({"objectType": object_type, "objectId": id.to_string(), "offset": 0, "limit": 1});
        let changes = self.ask_of::<ListChanges>(ListChanges::DOC.of("queue-dissuasion"), latest).await.unwrap();
        let event_id = &changes["list"][0]["eventId"];
        self.ask_of::<RevertChange>(RevertChange::DOC.of("queue-dissuasion"), json!({"event_id": event_id})).await
    }
}

#[tokio::test]
async fn a_deleted_agent_comes_back_with_its_queues_by_a_revert_unless_one_is_gone() {
    let service = Service::with_queues(&["sales", "support"]).await;
    let queues = json!([{"queueId": 2, "penalty": 3, "position": 4}, {"queueId": 1, "penalty": 0, "position": 1}]);
    let created = service.create_agent(agent("1001", json!({"queues": queues}))).await;
    service.ask::<DeleteAgent>(json!({"id": 1})).await.unwrap();
    service.revert_latest("agent", 1).await.unwrap();
    assert_eq!(service.ask::<GetAgent>(json!({"id": 1})).await, created);
    service.ask::<DeleteAgent>(json!({"id": 1})).await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 2})).await.unwrap();
    let message = "the former state contradicts what is stored: there is no queue 2";
    assert_eq!(service.revert_latest("agent", 1).await, Err(fault(Status::Conflict, "Conflict", message)));
}

#[tokio::test]
async fn a_revert_makes_no_circle() {
    let service = Service::with_queues(&["a", "b", "c"]).await;
    service.set_target(1, "b").await.unwrap();
    service.set_target(1, "c").await.unwrap();
    service.set_target(2, "a").await.unwrap();
    let in_the_way = |reason: &str| {
        Err(fault(Status::Conflict, "Conflict", &format!("the former state contradicts what is stored: {reason}")))
    };
    let circle = in_the_way("callers would go round in a circle: a -> b -> a");
    assert_eq!(service.revert_latest("dissuasion", 1).await, circle);
    assert_eq!(service.ask::<GetDissuasion>(json!({"id": 1})).await.unwrap()["dissuasion"]["value"]["queueName"], "c");
}

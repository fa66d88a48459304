use configmgt_contract::{
    Fault, Status,
    agents::{CreateAgent, DeleteAgent, GetAgent, ReplaceAgent},
    changes::{ListChanges, RevertChange},
    dissuasions::{GetDissuasion, SetSoundFile, SetTarget},
    queues::{CreateQueue, DeleteQueue, ReplaceQueue},
};
use configmgt_testing::Writes;
use serde_json::{Value, json};

use crate::{Service, agents::agent, fault, sounds_folder::SoundsFolder};

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let folder = SoundsFolder::with(&["sales_a.wav"]);
    let service = Service::with_sounds(&folder, None, &[]).await;
    let mut writes = Writes::of(&service);
    writes.leave::<CreateQueue>(json!({"name": "sales"}), "queue 1 created").await;
    writes.leave::<ReplaceQueue>(json!({"id": 1, "fields": {"name": "sells"}}), "queue 1 updated").await;
    writes.leave::<RevertChange>(json!({"event_id": service.latest_event().await}), "queue 1 updated").await;
    writes.leave::<DeleteQueue>(json!({"id": 1}), "queue 1 deleted").await;
    service.run("INSERT INTO queue (name, display_name) VALUES ('sales', 'Sales'), ('support', 'Support')").await;
    writes.leave::<SetSoundFile>(json!({"id": 2, "to": {"soundFile": "sales_a"}}), "dissuasion 2 created").await;
    writes.leave::<SetTarget>(json!({"id": 2, "to": {"queueName": "support"}}), "dissuasion 2 updated").await;
    let agent = json!({"firstname": "A", "lastname": "", "number": "1", "context": "default"});
    let changed = json!({"firstname": "B", "lastname": "", "number": "1", "context": "default"});
    writes.leave::<CreateAgent>(agent, "agent 1 created").await;
    writes.leave::<ReplaceAgent>(json!({"id": 1, "fields": changed}), "agent 1 updated").await;
    writes.leave::<DeleteAgent>(json!({"id": 1}), "agent 1 deleted").await;

    // A new operation that writes has to stand above, too.
    writes.are_all_but(&[]);
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
        let changes = self.ask::<ListChanges>(latest).await.unwrap();
        let event_id = &changes["list"][0]["eventId"];
        self.ask::<RevertChange>(json!({"event_id": event_id})).await
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

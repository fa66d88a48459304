use configmgt_contract::{
    Kind, Operation, OperationDoc,
    changes::RevertChange,
    queues::{CreateQueue, DeleteQueue, ReplaceQueue},
};
use serde_json::{Value, json};

use crate::Service;

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
    let service = Service::start().await;
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

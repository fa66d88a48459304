use configmgt_contract::{
    Operation,
    catalogues::{
        CreateContext, CreateEntity, CreateLabel, CreateMediaserver, DeleteContext, DeleteEntity, DeleteLabel,
        DeleteMediaserver,
    },
    changes::RevertChange,
    ice_servers::SetIceServers,
    lines::{CreateLine, DeleteLine, UpdateLine},
    preferences::{CreatePreference, DeletePreference, UpdatePreference},
    rights::{DeleteRight, SetRight},
    services::UpdateServices,
    users::{CreateUser, DeleteUser, PatchUser, ReplaceUser},
};
use serde_json::{Value, json};

use crate::Service;

/// Asks, and checks that this left one change.
async fn left<O: Operation>(service: &Service, doc: configmgt_contract::OperationDoc, request: Value, change: &str) {
    let before = journal(service).await;
    service.ask_of::<O>(doc, request).await.unwrap();
    let after = journal(service).await;
    assert_eq!(after[before.len()..], [change.to_owned()], "{}", doc.name);
}

async fn journal(service: &Service) -> Vec<String> {
    sqlx::query_scalar("SELECT concat_ws(' ', object_type, object_id, action) FROM users.journal ORDER BY id")
        .fetch_all(&service.owner)
        .await
        .unwrap()
}

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let service = Service::start().await;
    let mut left_by = Vec::new();
    macro_rules! leaves {
        ($request:ty, $body:tt, $change:literal) => {
            let doc = <$request>::DOC.of("users");
            left::<$request>(&service, doc, json!($body), $change).await;
            left_by.push(doc.name);
        };
    }
    leaves!(CreateUser, {"firstname": "A"}, "user 1 created");
    leaves!(ReplaceUser, {"id": 1, "fields": {"firstname": "B", "login": "b"}}, "user 1 updated");
    leaves!(PatchUser, {"id": 1, "patch": {"firstname": "C"}}, "user 1 updated");
    let event_id: String = sqlx::query_scalar("SELECT event_id::text FROM users.journal ORDER BY id DESC LIMIT 1")
        .fetch_one(&service.owner)
        .await
        .unwrap();
    leaves!(RevertChange, {"event_id": event_id}, "user 1 updated");
    let line = json!({"lineType": "phone", "context": "default", "extension": "1000"});
    leaves!(CreateLine, {"user_id": 1, "line": line}, "line 1 created");
    let ua = json!({"lineType": "ua", "context": "default", "extension": "1000"});
    leaves!(UpdateLine, {"user_id": 1, "line": ua}, "line 1 updated");
    leaves!(DeleteLine, {"user_id": 1}, "line 1 deleted");
    leaves!(UpdateServices, {"user_id": 1, "services": {"dndEnabled": true}}, "services 1 created");
    leaves!(SetRight, {"login": "b", "right": {"type": "admin"}}, "rights 1 created");
    leaves!(DeleteRight, {"login": "b"}, "rights 1 deleted");
    let value = |value: &str| json!({"value": value, "value_type": "String"});
    leaves!(CreatePreference, {"user_id": 1, "key": "a", "value": value("1")}, "preference 1 created");
    leaves!(UpdatePreference, {"user_id": 1, "key": "a", "value": value("2")}, "preference 1 updated");
    leaves!(DeletePreference, {"user_id": 1, "key": "a"}, "preference 1 deleted");
    leaves!(SetIceServers, {"stun_address": "stun:a"}, "ice_servers ice_servers created");
    service.run("DELETE FROM services").await;
    leaves!(DeleteUser, {"id": 1}, "user 1 deleted");
    leaves!(CreateEntity, {"name": "a"}, "entity a created");
    leaves!(DeleteEntity, {"name": "a"}, "entity a deleted");
    leaves!(CreateMediaserver, {"name": "a"}, "mediaserver a created");
    leaves!(DeleteMediaserver, {"name": "a"}, "mediaserver a deleted");
    leaves!(CreateContext, {"name": "a"}, "context a created");
    leaves!(DeleteContext, {"name": "a"}, "context a deleted");
    leaves!(CreateLabel, {"name": "a"}, "label a created");
    leaves!(DeleteLabel, {"name": "a"}, "label a deleted");

    // A new operation that writes has to stand above, too.
    let mut writes: Vec<_> = service.handlers.operations().filter(|doc| !doc.safe).map(|doc| doc.name).collect();
    writes.sort_unstable();
    left_by.sort_unstable();
    assert_eq!(writes, left_by);
}

use configmgt_contract::{
    catalogues::{
        CreateContext, CreateEntity, CreateLabel, CreateMediaserver, DeleteContext, DeleteEntity, DeleteLabel,
        DeleteMediaserver,
    },
    changes::{ListChanges, RevertChange},
    ice_servers::SetIceServers,
    lines::{CreateLine, DeleteLine, GetLine, UpdateLine},
    preferences::{CreatePreference, DeletePreference, GetPreference, UpdatePreference},
    rights::{DeleteRight, GetRight, SetRight},
    services::UpdateServices,
    snapshots::ReadSnapshot,
    users::{CreateUser, DeleteUser, PatchUser, ReplaceUser},
};
use configmgt_testing::Writes;
use serde_json::{Value, json};

use crate::Service;

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let service = Service::start().await;
    let mut writes = Writes::of(&service);
    writes.leave::<CreateUser>(json!({"firstname": "A"}), "user 1 created").await;
    writes.leave::<ReplaceUser>(json!({"id": 1, "fields": {"firstname": "B", "login": "b"}}), "user 1 updated").await;
    writes.leave::<PatchUser>(json!({"id": 1, "patch": {"firstname": "C"}}), "user 1 updated").await;
    writes.leave::<RevertChange>(json!({"event_id": service.latest_event().await}), "user 1 updated").await;
    let line = json!({"lineType": "phone", "context": "default", "extension": "1000"});
    writes.leave::<CreateLine>(json!({"user_id": 1, "line": line}), "line 1 created").await;
    let ua = json!({"lineType": "ua", "context": "default", "extension": "1000"});
    writes.leave::<UpdateLine>(json!({"user_id": 1, "line": ua}), "line 1 updated").await;
    writes.leave::<DeleteLine>(json!({"user_id": 1}), "line 1 deleted").await;
    writes.leave::<UpdateServices>(json!({"user_id": 1, "services": {"dndEnabled": true}}), "services 1 created").await;
    writes.leave::<SetRight>(json!({"login": "b", "right": {"type": "admin"}}), "rights 1 created").await;
    writes.leave::<DeleteRight>(json!({"login": "b"}), "rights 1 deleted").await;
    let value = |value: &str| json!({"value": value, "value_type": "String"});
    writes
        .leave::<CreatePreference>(json!({"user_id": 1, "key": "a", "value": value("1")}), "preference 1 created")
        .await;
    writes
        .leave::<UpdatePreference>(json!({"user_id": 1, "key": "a", "value": value("2")}), "preference 1 updated")
        .await;
    writes.leave::<DeletePreference>(json!({"user_id": 1, "key": "a"}), "preference 1 deleted").await;
    writes.leave::<SetIceServers>(json!({"stun_address": "stun:a"}), "ice_servers ice_servers created").await;
    service.run("DELETE FROM services").await;
    writes.leave::<DeleteUser>(json!({"id": 1}), "user 1 deleted").await;
    writes.leave::<CreateEntity>(json!({"name": "a"}), "entity a created").await;
    writes.leave::<DeleteEntity>(json!({"name": "a"}), "entity a deleted").await;
    writes.leave::<CreateMediaserver>(json!({"name": "a"}), "mediaserver a created").await;
    writes.leave::<DeleteMediaserver>(json!({"name": "a"}), "mediaserver a deleted").await;
    writes.leave::<CreateContext>(json!({"name": "a"}), "context a created").await;
    writes.leave::<DeleteContext>(json!({"name": "a"}), "context a deleted").await;
    writes.leave::<CreateLabel>(json!({"name": "a"}), "label a created").await;
    writes.leave::<DeleteLabel>(json!({"name": "a"}), "label a deleted").await;

    // A new operation that writes has to stand above, too. An import leaves a change for each of its objects.
    writes.are_all_but(&["imports-users"]);
}

#[tokio::test]
async fn the_history_shows_each_object_as_clients_know_it_and_with_its_user() {
    let service = Service::with_users(1).await;
    let line = json!({"lineType": "custom", "context": "default", "extension": "1000", "device": "3b1c9f"});
    service.ask::<CreateLine>(json!({"user_id": 1, "line": line})).await.unwrap();
    let busy = json!({"busy": {"enabled": true, "destination": "1002"}});
    service.ask::<UpdateServices>(json!({"user_id": 1, "services": busy})).await.unwrap();
    let teacher = json!({"type": "teacher", "data": {"queueIds": [3, 1], "start": "2026-09-01"}});
    service.ask::<SetRight>(json!({"login": "user1", "right": teacher})).await.unwrap();
    let value = json!({"value": "42", "value_type": "number"});
    service.ask::<CreatePreference>(json!({"user_id": 1, "key": "a", "value": value})).await.unwrap();
    service.ask::<SetIceServers>(json!({"stun_address": "stun:a"})).await.unwrap();

    let off = json!({"enabled": false, "destination": ""});
    let shown = [
        (
            "line",
            json!({"userId": 1, "id": 1, "lineType": "custom", "context": "default", "extension": "1000",
                   "site": "default", "name": "Local/1000@default", "lineNum": 1, "device": "3b1c9f"}),
        ),
        (
            "services",
            json!({"userId": 1, "dndEnabled": false, "busy": {"enabled": true, "destination": "1002"},
                   "noanswer": off, "unconditional": off}),
        ),
        (
            "rights",
            json!({"userId": 1, "type": "teacher",
                   "data": {"queueIds": [3, 1], "groupIds": [], "incallIds": [], "start": "2026-09-01"}}),
        ),
        ("preference", json!({"userId": 1, "key": "a", "value": "42", "value_type": "number"})),
        ("ice_servers", json!({"stun_address": "stun:a"})),
    ];
    for (object, state) in shown {
        let changes = service.ask::<ListChanges>(json!({"objectType": object, "offset": 0, "limit": 2})).await;
        let changes = changes.unwrap();
        assert_eq!((&changes["total"], &changes["list"][0]["after"]), (&json!(1), &state), "{object}");
    }
}

#[tokio::test]
async fn a_snapshot_of_each_kind_shows_its_objects_as_their_last_changes_do() {
    let service = Service::start().await;
    // Behind those that an installation begins with.
    for name in ["x", "y.z"] {
        service.ask::<CreateEntity>(json!({"name": name})).await.unwrap();
        service.ask::<CreateMediaserver>(json!({"name": name})).await.unwrap();
        service.ask::<CreateContext>(json!({"name": name})).await.unwrap();
        service.ask::<CreateLabel>(json!({"name": name})).await.unwrap();
    }
    service.ask::<CreateUser>(json!({"firstname": "A", "login": "a", "password": "secret"})).await.unwrap();
    let line = json!({"lineType": "phone", "context": "x", "extension": "1000"});
    service.ask::<CreateLine>(json!({"user_id": 1, "line": line})).await.unwrap();
    service.ask::<UpdateServices>(json!({"user_id": 1, "services": {"dndEnabled": true}})).await.unwrap();
    service.ask::<SetRight>(json!({"login": "a", "right": {"type": "admin"}})).await.unwrap();
    let value = json!({"value": "42", "value_type": "number"});
    service.ask::<CreatePreference>(json!({"user_id": 1, "key": "a", "value": value})).await.unwrap();
    service.ask::<SetIceServers>(json!({"stun_address": "stun:a"})).await.unwrap();
    service.ask::<SetIceServers>(json!({"stun_address": "stun:b"})).await.unwrap();

    for object in configmgt_users::SERVICE.objects {
        let changes = json!({"objectType": object.name, "offset": 0, "limit": 1});
        let changes = service.ask::<ListChanges>(changes).await.unwrap();
        let last = &changes["list"][0];
        let page = async |after: Option<&Value>| {
            let page = json!({"objectType": object.name, "after": after});
            service.ask::<ReadSnapshot>(page).await.unwrap()["objects"].clone()
        };
        let expected = json!({"id": last["objectId"], "version": last["version"], "state": last["after"]});
        assert_eq!(page(None).await.as_array().unwrap().last(), Some(&expected), "{}", object.name);
        assert_eq!(page(Some(&last["objectId"])).await, json!([]), "{}", object.name);
    }
    let unknown = ReadSnapshot { object_type: "queue".to_owned(), after: None };
    let refused = service.ask::<ReadSnapshot>(json!(unknown)).await.unwrap_err();
    assert_eq!(refused.message, "there are no objects of the type queue");
}

#[tokio::test]
async fn what_was_deleted_comes_back_by_a_revert() {
    let service = Service::with_users(1).await;
    let line = json!({"lineType": "phone", "context": "default", "extension": "1000"});
    let line = service.ask::<CreateLine>(json!({"user_id": 1, "line": line})).await;
    let right = json!({"type": "teacher", "data": {"queueIds": [3, 1], "end": "2026-09-01"}});
    let right = service.ask::<SetRight>(json!({"login": "user1", "right": right})).await;
    let value = json!({"value": "42", "value_type": "number"});
    service.ask::<CreatePreference>(json!({"user_id": 1, "key": "a", "value": value})).await.unwrap();
    service.ask::<DeleteLine>(json!({"user_id": 1})).await.unwrap();
    service.ask::<DeleteRight>(json!({"login": "user1"})).await.unwrap();
    service.ask::<DeletePreference>(json!({"user_id": 1, "key": "a"})).await.unwrap();
    for object in ["line", "rights", "preference"] {
        let changes = service.ask::<ListChanges>(json!({"objectType": object, "offset": 0, "limit": 1})).await;
        let deletion = &changes.unwrap()["list"][0]["eventId"];
        service.ask::<RevertChange>(json!({"event_id": deletion})).await.unwrap();
    }
    assert_eq!(service.ask::<GetLine>(json!({"user_id": 1})).await, line);
    assert_eq!(service.ask::<GetRight>(json!({"login": "user1"})).await, right);
    assert_eq!(service.ask::<GetPreference>(json!({"user_id": 1, "key": "a"})).await, Ok(value));
}

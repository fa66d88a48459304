use configmgt_contract::{
    Kind, Operation, OperationDoc,
    callback_lists::{CreateCallbackList, DeleteCallbackList},
    callback_requests::{
        ClotureCallbackRequest, CreateCallbackRequest, GetCallbackRequest, ReleaseCallbackRequest,
        RescheduleCallbackRequest, TakeCallbackRequest, UnclotureCallbackRequest,
    },
    callback_tickets::{CreateCallbackTicket, UpdateCallbackTicket},
    changes::{ListChanges, RevertChange},
    periods::{CreatePeriod, DeletePeriod, UpdatePeriod},
};
use serde_json::{Value, json};

use crate::{Service, text};

/// Asks, checks that this left one change, and gives the answer.
async fn left<O: Operation>(service: &Service, doc: OperationDoc, request: Value, change: &str) -> Value {
    let before = service.changes().await;
    let answer = service.ask_of::<O>(doc, request).await.unwrap();
    let after = service.changes().await;
    assert_eq!(after[before.len()..], [change.to_owned()], "{}", doc.name);
    answer
}

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let service = Service::start().await;
    let default = text(&service.default_period().await, "uuid");
    let mut left_by = Vec::new();
    macro_rules! leaves {
        ($request:ty, $body:tt, $change:literal) => {{
            let doc = <$request>::DOC.of("callbacks");
            left_by.push(doc.name);
            left::<$request>(&service, doc, json!($body), $change).await
        }};
    }
    let period = json!({"name": "a", "periodStart": "08:00", "periodEnd": "09:00"});
    let created = leaves!(CreatePeriod, period, "preferred_callback_period created");
    let period = json!({"name": "b", "periodStart": "08:00", "periodEnd": "09:00"});
    leaves!(UpdatePeriod, {"uuid": created["uuid"], "period": period}, "preferred_callback_period updated");
    leaves!(DeletePeriod, {"uuid": created["uuid"]}, "preferred_callback_period deleted");
    let list = &leaves!(CreateCallbackList, {"name": "l", "queueId": 1}, "callback_list created")["uuid"];
    let request = json!({"list_uuid": list, "request": {"phoneNumber": "1"}});
    let request = &leaves!(CreateCallbackRequest, request, "callback_request created")["uuid"];
    leaves!(TakeCallbackRequest, {"uuid": request, "taker": {"agentId": 7}}, "callback_request updated");
    leaves!(ReleaseCallbackRequest, {"uuid": request}, "callback_request updated");
    leaves!(ClotureCallbackRequest, {"uuid": request}, "callback_request updated");
    leaves!(UnclotureCallbackRequest, {"uuid": request}, "callback_request updated");
    let schedule = json!({"dueDate": "2027-01-01", "periodUuid": default});
    leaves!(RescheduleCallbackRequest, {"uuid": request, "schedule": schedule}, "callback_request updated");
    let ticket = &leaves!(CreateCallbackTicket, {"requestUuid": request}, "callback_ticket created")["uuid"];
    leaves!(UpdateCallbackTicket, {"uuid": ticket, "ticket": {"status": "Fax"}}, "callback_ticket updated");
    let event_id: String = sqlx::query_scalar("SELECT event_id::text FROM callbacks.journal ORDER BY id DESC LIMIT 1")
        .fetch_one(&service.owner)
        .await
        .unwrap();
    leaves!(RevertChange, {"event_id": event_id}, "callback_ticket updated");
    let empty = service.list("e", 1).await;
    leaves!(DeleteCallbackList, {"uuid": empty}, "callback_list deleted");

    // A new operation that writes has to stand above, too.
    let mut writes: Vec<_> = service
        .handlers
        .operations()
        .filter(|doc| matches!(doc.kind, Kind::Write | Kind::Lengthy))
        .map(|doc| doc.name)
        .collect();
    writes.sort_unstable();
    left_by.sort_unstable();
    assert_eq!(writes, left_by);
}

#[tokio::test]
async fn the_history_shows_each_object_as_clients_know_it() {
    let service = Service::start().await;
    let list = service.list("l", 2).await;
    let created = service.create(&list, json!({"phoneNumber": "1", "dueDate": "2027-01-01"})).await.unwrap();
    let request = text(&created, "uuid");
    service.take(&request, 7).await.unwrap();
    let ticket = service.ticket(json!({"requestUuid": request, "status": "Email", "comment": "c"})).await.unwrap();
    let period = service.period("Afternoon", true).await;
    let state = json!({"uuid": request, "listUuid": list, "phoneNumber": "1", "dueDate": "2027-01-01", "queueId": 2, "agentId": 7,
                       "clotured": false, "preferredPeriodUuid": created["preferredPeriodUuid"]});
    for (object, after) in [
        ("callback_list", json!({"uuid": list, "name": "l", "queueId": 2})),
        ("callback_request", state),
        ("callback_ticket", ticket),
        (
            "preferred_callback_period",
            json!({"uuid": period, "name": "Afternoon", "periodStart": "14:00:00", "periodEnd": "17:00:00", "default": true}),
        ),
    ] {
        let newest = json!({"objectType": object, "offset": 0, "limit": 1});
        let changes = service.ask_of::<ListChanges>(ListChanges::DOC.of("callbacks"), newest).await.unwrap();
        assert_eq!(changes["list"][0]["after"], after, "{object}");
    }
    let newest = json!({"objectType": "callback_request", "offset": 0, "limit": 1});
    let changes = service.ask_of::<ListChanges>(ListChanges::DOC.of("callbacks"), newest).await.unwrap();
    assert_eq!(changes["list"][0]["changedFields"], json!(["agentId"]));
}

#[tokio::test]
async fn a_revert_gives_a_request_back_to_who_held_it() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let request = service.request(&list, "1").await;
    let taken = service.take(&request, 7).await.unwrap();
    service.release(&request).await.unwrap();
    let newest = json!({"objectType": "callback_request", "objectId": request, "offset": 0, "limit": 1});
    let changes = service.ask_of::<ListChanges>(ListChanges::DOC.of("callbacks"), newest).await.unwrap();
    let release = json!({"event_id": changes["list"][0]["eventId"]});
    service.ask_of::<RevertChange>(RevertChange::DOC.of("callbacks"), release).await.unwrap();
    assert_eq!(service.ask::<GetCallbackRequest>(json!({"uuid": request})).await, Ok(taken));
}

use configmgt_contract::{
    callback_lists::{CreateCallbackList, DeleteCallbackList},
    callback_requests::{
        ClotureCallbackRequest, CreateCallbackRequest, GetCallbackRequest, ReleaseCallbackRequest,
        RescheduleCallbackRequest, TakeCallbackRequest, UnclotureCallbackRequest,
    },
    callback_tickets::{CreateCallbackTicket, UpdateCallbackTicket},
    changes::{ListChanges, RevertChange},
    periods::{CreatePeriod, DeletePeriod, UpdatePeriod},
};
use configmgt_testing::Writes;
use serde_json::json;

use crate::{Service, text};

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let service = Service::start().await;
    let default = text(&service.default_period().await, "uuid");
    let mut writes = Writes::of(&service);
    let period = json!({"name": "a", "periodStart": "08:00", "periodEnd": "09:00"});
    let created = writes.leave::<CreatePeriod>(period, "preferred_callback_period created").await;
    let period = json!({"name": "b", "periodStart": "08:00", "periodEnd": "09:00"});
    writes
        .leave::<UpdatePeriod>(json!({"uuid": created["uuid"], "period": period}), "preferred_callback_period updated")
        .await;
    writes.leave::<DeletePeriod>(json!({"uuid": created["uuid"]}), "preferred_callback_period deleted").await;
    let list =
        &writes.leave::<CreateCallbackList>(json!({"name": "l", "queueId": 1}), "callback_list created").await["uuid"];
    let request = json!({"list_uuid": list, "request": {"phoneNumber": "1"}});
    let request = &writes.leave::<CreateCallbackRequest>(request, "callback_request created").await["uuid"];
    writes
        .leave::<TakeCallbackRequest>(json!({"uuid": request, "taker": {"agentId": 7}}), "callback_request updated")
        .await;
    writes.leave::<ReleaseCallbackRequest>(json!({"uuid": request}), "callback_request updated").await;
    writes.leave::<ClotureCallbackRequest>(json!({"uuid": request}), "callback_request updated").await;
    writes.leave::<UnclotureCallbackRequest>(json!({"uuid": request}), "callback_request updated").await;
    let schedule = json!({"dueDate": "2027-01-01", "periodUuid": default});
    writes
        .leave::<RescheduleCallbackRequest>(json!({"uuid": request, "schedule": schedule}), "callback_request updated")
        .await;
    let ticket =
        &writes.leave::<CreateCallbackTicket>(json!({"requestUuid": request}), "callback_ticket created").await["uuid"];
    writes
        .leave::<UpdateCallbackTicket>(json!({"uuid": ticket, "ticket": {"status": "Fax"}}), "callback_ticket updated")
        .await;
    writes.leave::<RevertChange>(json!({"event_id": service.latest_event().await}), "callback_ticket updated").await;
    let empty = service.list("e", 1).await;
    writes.leave::<DeleteCallbackList>(json!({"uuid": empty}), "callback_list deleted").await;

    // A new operation that writes has to stand above, too. An import leaves a change for each of its objects.
    writes.are_all_but(&["imports-callback_requests"]);
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
        let changes = service.ask::<ListChanges>(newest).await.unwrap();
        assert_eq!(changes["list"][0]["after"], after, "{object}");
    }
    let newest = json!({"objectType": "callback_request", "offset": 0, "limit": 1});
    let changes = service.ask::<ListChanges>(newest).await.unwrap();
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
    let changes = service.ask::<ListChanges>(newest).await.unwrap();
    let release = json!({"event_id": changes["list"][0]["eventId"]});
    service.ask::<RevertChange>(release).await.unwrap();
    assert_eq!(service.ask::<GetCallbackRequest>(json!({"uuid": request})).await, Ok(taken));
}

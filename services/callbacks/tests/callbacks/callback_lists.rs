use configmgt_contract::{
    callback_lists::{CreateCallbackList, DeleteCallbackList, DeleteUnnamedCallbackList},
    callback_requests::{ClotureCallbackRequest, FindCallbackRequests},
    callback_tickets::{CreateCallbackTicket, GetCallbackTicket},
};
use serde_json::json;

use crate::{NOBODY, Service, bad_request, not_found, text};

#[tokio::test]
async fn a_list_is_created_listed_and_deleted() {
    let service = Service::start().await;
    assert_eq!(service.lists(false).await, json!([]));
    let created = service.ask::<CreateCallbackList>(json!({"name": "newlist", "queueId": 1})).await.unwrap();
    let list = json!({"callbacks": [], "name": "newlist", "queueId": 1, "uuid": created["uuid"]});
    assert_eq!(created, list);
    assert_eq!(service.lists(false).await, json!([list]));
    assert_eq!(service.ask::<DeleteCallbackList>(json!({"uuid": list["uuid"]})).await, Ok(list.clone()));
    assert_eq!(service.lists(false).await, json!([]));
    let unknown = not_found(&format!("Callback list {} not found", text(&list, "uuid")));
    assert_eq!(service.ask::<DeleteCallbackList>(json!({"uuid": list["uuid"]})).await, Err(unknown));
}

#[tokio::test]
async fn a_list_needs_a_name_and_a_queue_that_exists() {
    let service = Service::start().await;
    let create =
        async |name: &str, queue: i64| service.ask::<CreateCallbackList>(json!({"name": name, "queueId": queue})).await;
    assert_eq!(create("a", 4).await, Err(bad_request("queueId: there is no queue 4")));
    assert_eq!(create("a", -1).await, Err(bad_request("queueId: there is no queue -1")));
    assert_eq!(create("", 1).await, Err(bad_request("name must not be empty")));
    assert_eq!(create("a\0b", 1).await, Err(bad_request("name contains a control character")));
    assert_eq!(create(&"a".repeat(129), 1).await, Err(bad_request("name has more than 128 characters")));
    assert_eq!(service.lists(false).await, json!([]));
}

#[tokio::test]
async fn a_queue_may_have_several_lists_also_of_one_name() {
    let service = Service::start().await;
    let lists = [service.list("a", 2).await, service.list("a", 2).await, service.list("b", 1).await];
    let listed = service.lists(false).await;
    let uuids: Vec<_> = listed.as_array().unwrap().iter().map(|list| text(list, "uuid")).collect();
    assert_eq!(uuids, lists);
}

#[tokio::test]
async fn a_list_shows_its_open_requests_only() {
    let service = Service::start().await;
    let (empty, list) = (service.list("empty", 1).await, service.list("full", 1).await);
    let open = service.request(&list, "1").await;
    let done = service.request(&list, "2").await;
    service.ask::<ClotureCallbackRequest>(json!({"uuid": done})).await.unwrap();
    let empty = json!({"uuid": empty, "name": "empty", "queueId": 1, "callbacks": []});
    let request = service.get(&open).await.unwrap();
    let full = json!({"uuid": list, "name": "full", "queueId": 1, "callbacks": [request]});
    assert_eq!(service.lists(false).await, json!([empty, full]));
    assert_eq!(service.lists(true).await, json!([full]));
    service.ask::<ClotureCallbackRequest>(json!({"uuid": open})).await.unwrap();
    assert_eq!(service.lists(true).await, json!([]));
}

#[tokio::test]
async fn a_list_with_any_number_of_requests_is_whole() {
    for count in [0, 1, 999, 1000, 1001, 2000, 2001] {
        let service = Service::start().await;
        let lists = [service.list("a", 1).await, service.list("b", 2).await, service.list("c", 3).await];
        service
            .run(&format!(
                "INSERT INTO callback_request (uuid, list_uuid, queue_id, phone_number, due_date, period_uuid)
                 SELECT uuid7(now()), '{}', 2, i, '2026-12-01', (SELECT uuid FROM preferred_callback_period)
                 FROM generate_series(1, {count}) i",
                lists[1]
            ))
            .await;
        service.request(&lists[2], "1").await;
        let listed = service.lists(false).await;
        let counts: Vec<_> =
            listed.as_array().unwrap().iter().map(|list| list["callbacks"].as_array().unwrap().len()).collect();
        assert_eq!(counts, [0, count, 1]);
        let mut numbers: Vec<i32> = listed[1]["callbacks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|request| text(request, "phoneNumber").parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=i32::try_from(count).unwrap()));
        let with_request = service.lists(true).await;
        assert_eq!(with_request.as_array().unwrap().len(), if count == 0 { 1 } else { 2 });
    }
}

#[tokio::test]
async fn many_lists_are_whole() {
    for count in [999, 1000, 1001, 2001] {
        let service = Service::start().await;
        service
            .run(&format!(
                "INSERT INTO callback_list (uuid, name, queue_id)
                 SELECT uuid7(now()), i, 1 FROM generate_series(1, {count}) i"
            ))
            .await;
        let listed = service.lists(false).await;
        let mut names: Vec<i32> =
            listed.as_array().unwrap().iter().map(|list| text(list, "name").parse().unwrap()).collect();
        names.sort_unstable();
        assert!(names.into_iter().eq(1..=count), "{count}");
        assert_eq!(service.lists(true).await, json!([]));
    }
}

#[tokio::test]
async fn what_is_in_a_deleted_list_goes_with_it_and_the_rest_stays() {
    let service = Service::start().await;
    let (gone, stays) = (service.list("gone", 1).await, service.list("stays", 1).await);
    let (open, done, other) =
        (service.request(&gone, "1").await, service.request(&gone, "2").await, service.request(&stays, "3").await);
    service.ask::<ClotureCallbackRequest>(json!({"uuid": done})).await.unwrap();
    let ticket = service.ask::<CreateCallbackTicket>(json!({"requestUuid": open})).await.unwrap();
    let before = service.changes().await.len();
    service.ask::<DeleteCallbackList>(json!({"uuid": gone})).await.unwrap();
    let deleted =
        ["callback_list deleted", "callback_ticket deleted", "callback_request deleted", "callback_request deleted"];
    assert_eq!(service.changes().await[before..], deleted);
    let unknown = not_found(&format!("Callback ticket {} not found", text(&ticket, "uuid")));
    assert_eq!(service.ask::<GetCallbackTicket>(json!({"uuid": ticket["uuid"]})).await, Err(unknown));
    let found = service.ask::<FindCallbackRequests>(json!({})).await.unwrap();
    assert_eq!((&found["total"], &found["list"][0]["uuid"]), (&json!(1), &json!(other)));
}

#[tokio::test]
async fn without_a_uuid_nothing_is_deleted() {
    let service = Service::start().await;
    service.list("a", 1).await;
    let refused = bad_request("the uuid of the callback list is missing: DELETE /callback_lists/<uuid>");
    assert_eq!(service.ask::<DeleteUnnamedCallbackList>(json!({})).await, Err(refused));
    let unknown = not_found(&format!("Callback list {NOBODY} not found"));
    assert_eq!(service.ask::<DeleteCallbackList>(json!({"uuid": NOBODY})).await, Err(unknown));
    assert_eq!(service.lists(false).await.as_array().unwrap().len(), 1);
}

use configmgt_contract::{
    Expected, Fault, Status,
    changes::{ListChanges, RevertChange},
    periods::{CreatePeriod, DeletePeriod, GetPeriod, ListPeriods, UpdatePeriod},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{NOBODY, Service, bad_request, conflict, fault, not_found, text};

impl Service {
    async fn update_period(&self, uuid: &str, period: Value) -> Result<Value, Fault> {
        self.ask::<UpdatePeriod>(json!({"uuid": uuid, "period": period})).await
    }

    async fn delete_period(&self, uuid: &str) -> Result<Value, Fault> {
        self.ask::<DeletePeriod>(json!({"uuid": uuid})).await
    }
}

fn afternoon(default: bool) -> Value {
    json!({"name": "Afternoon", "periodStart": "14:00", "periodEnd": "17:30:15", "default": default})
}

fn with_uuid(uuid: &str, name: &str, default: bool) -> Value {
    json!({"uuid": uuid, "name": name, "periodStart": "14:00:00", "periodEnd": "17:30:15", "default": default})
}

#[tokio::test]
async fn an_installation_begins_with_one_period_that_is_the_default() {
    let service = Service::start().await;
    let default = service.default_period().await;
    let uuid = text(&default, "uuid");
    let expected = json!({"uuid": uuid, "name": "Toute la journée", "periodStart": "09:00:00", "periodEnd": "17:00:00",
                          "default": true});
    assert_eq!(service.ask::<ListPeriods>(json!({})).await, Ok(json!([expected])));
    assert_eq!(service.changes().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_period_is_created_read_replaced_and_deleted() {
    let service = Service::start().await;
    let default = service.default_period().await;
    let created = service.ask::<CreatePeriod>(afternoon(false)).await.unwrap();
    let uuid = text(&created, "uuid");
    assert_eq!(created, with_uuid(&uuid, "Afternoon", false));
    assert_eq!(service.ask::<GetPeriod>(json!({"uuid": uuid})).await, Ok(created.clone()));
    assert_eq!(service.ask::<ListPeriods>(json!({})).await, Ok(json!([default, created])));
    let evening = json!({"name": "Evening", "periodStart": "17:00:00", "periodEnd": "20:00"});
    let replaced = json!({"uuid": uuid, "name": "Evening", "periodStart": "17:00:00", "periodEnd": "20:00:00",
                          "default": false});
    assert_eq!(service.update_period(&uuid, evening).await, Ok(replaced));
    assert_eq!(service.delete_period(&uuid).await, Ok(Value::Null));
    assert_eq!(service.ask::<ListPeriods>(json!({})).await, Ok(json!([default])));
}

#[tokio::test]
async fn another_default_takes_the_place_of_the_one_that_was() {
    let service = Service::start().await;
    let first = text(&service.default_period().await, "uuid");
    let second = text(&service.ask::<CreatePeriod>(afternoon(true)).await.unwrap(), "uuid");
    assert_eq!(text(&service.default_period().await, "uuid"), second);
    let again = json!({"name": "Toute la journée", "periodStart": "09:00", "periodEnd": "17:00", "default": true});
    service.update_period(&first, again).await.unwrap();
    assert_eq!(text(&service.default_period().await, "uuid"), first);
    // Each of them is a change of its own, the one that a write names first.
    let changes = [
        "preferred_callback_period updated",
        "preferred_callback_period created",
        "preferred_callback_period updated",
        "preferred_callback_period updated",
    ];
    assert_eq!(service.changes().await, changes);
}

#[tokio::test]
async fn the_default_is_neither_deleted_nor_merely_no_longer_it() {
    let service = Service::start().await;
    let default = service.default_period().await;
    let uuid = text(&default, "uuid");
    let refused =
        conflict(&format!("Preferred callback period {uuid} is the default: make another one the default first"));
    assert_eq!(service.delete_period(&uuid).await, Err(refused.clone()));
    assert_eq!(service.update_period(&uuid, afternoon(false)).await, Err(refused));
    assert_eq!(service.default_period().await, default);
    // It may be renamed.
    assert_eq!(service.update_period(&uuid, afternoon(true)).await, Ok(with_uuid(&uuid, "Afternoon", true)));
}

#[tokio::test]
async fn of_several_that_become_the_default_at_the_same_moment_one_is_it() {
    let service = Service::start().await;
    let mut uuids = Vec::new();
    for number in 1..=8 {
        uuids.push(service.period(&format!("P{number}"), false).await);
    }
    let made = uuids.iter().enumerate().map(|(number, uuid)| {
        let period =
            json!({"name": format!("Q{number}"), "periodStart": "08:00", "periodEnd": "09:00", "default": true});
        service.update_period(uuid, period)
    });
    for outcome in join_all(made).await {
        assert_eq!(outcome.unwrap()["default"], true);
    }
    assert!(uuids.contains(&text(&service.default_period().await, "uuid")));
}

#[tokio::test]
async fn a_period_in_use_is_not_deleted() {
    let service = Service::start().await;
    let uuid = service.period("Afternoon", false).await;
    let list = service.list("l", 1).await;
    let request = service.create(&list, json!({"phoneNumber": "1", "period": "Afternoon"})).await.unwrap();
    assert_eq!(request["preferredPeriodUuid"], uuid.as_str());
    let refused = conflict(&format!("Preferred callback period {uuid} is in use by callback requests"));
    assert_eq!(service.delete_period(&uuid).await, Err(refused));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let service = Service::start().await;
    let uuid = service.period("Morning", false).await;
    service.period("Afternoon", false).await;
    let message = "duplicate key value violates unique constraint \"preferred_callback_period_name_key\"";
    let duplicate = fault(Status::Conflict, "Duplicate", message);
    assert_eq!(service.ask::<CreatePeriod>(afternoon(true)).await, Err(duplicate.clone()));
    assert_eq!(service.update_period(&uuid, afternoon(false)).await, Err(duplicate));
    assert_eq!(service.default_period().await["name"], "Toute la journée");
}

#[tokio::test]
async fn what_is_no_period_is_refused() {
    let service = Service::start().await;
    for (name, start, end, reason) in [
        ("", "08:00", "09:00", "name must not be empty"),
        (" ", "08:00", "09:00", "name must not be empty"),
        (&"é".repeat(129), "08:00", "09:00", "name has more than 128 characters"),
        ("a\0", "08:00", "09:00", "name contains a control character"),
        ("a|b", "08:00", "09:00", "name contains a |"),
        ("a", "09:00", "09:00", "periodStart is not before periodEnd"),
        ("a", "17:00", "09:00", "periodStart is not before periodEnd"),
    ] {
        let period = json!({"name": name, "periodStart": start, "periodEnd": end});
        assert_eq!(service.ask::<CreatePeriod>(period).await, Err(bad_request(reason)), "{name:?}");
    }
}

#[tokio::test]
async fn a_period_that_nobody_knows_is_not_found() {
    let service = Service::start().await;
    let unknown = not_found(&format!("Preferred callback period {NOBODY} not found"));
    assert_eq!(service.ask::<GetPeriod>(json!({"uuid": NOBODY})).await, Err(unknown.clone()));
    assert_eq!(service.update_period(NOBODY, afternoon(true)).await, Err(unknown.clone()));
    assert_eq!(service.delete_period(NOBODY).await, Err(unknown));
}

#[tokio::test]
async fn a_version_that_is_expected_is_that_of_the_period_that_becomes_the_default() {
    let service = Service::start().await;
    let uuid = service.period("Morning", false).await;
    let update = async |version| {
        let request = json!({"uuid": uuid, "period": afternoon(true)});
        service.versioned::<UpdatePeriod>(request, Some(Expected::OneOf(vec![version]))).await
    };
    let refused = fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 1");
    assert_eq!(update(2).await, Err(refused));
    assert_eq!(update(1).await, Ok((Some(2), with_uuid(&uuid, "Afternoon", true))));
}

#[tokio::test]
async fn a_revert_leaves_one_default() {
    let service = Service::start().await;
    let first = text(&service.default_period().await, "uuid");
    let second = text(&service.ask::<CreatePeriod>(afternoon(true)).await.unwrap(), "uuid");
    let change = async |uuid: &str| {
        let newest = json!({"objectType": "preferred_callback_period", "objectId": uuid, "offset": 0, "limit": 1});
        let changes = service.ask::<ListChanges>(newest).await.unwrap();
        json!({"event_id": changes["list"][0]["eventId"]})
    };
    // Without the second one none would be the default.
    let refused = service.ask::<RevertChange>(change(&second).await).await.unwrap_err();
    assert_eq!(refused, conflict("the change contradicts what is stored"));
    assert_eq!(text(&service.default_period().await, "uuid"), second);
    service.ask::<RevertChange>(change(&first).await).await.unwrap();
    assert_eq!(text(&service.default_period().await, "uuid"), first);
}

use configmgt_contract::{
    Expected, Fault, Status,
    services::{GetServices, UpdateServices},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, fault, user_not_found};

impl Service {
    async fn services(&self, user: i32) -> Result<Value, Fault> {
        self.ask::<GetServices>(json!({"user_id": user})).await
    }

    async fn change(&self, user: i32, services: Value) -> Result<Value, Fault> {
        self.ask::<UpdateServices>(json!({"user_id": user, "services": services})).await
    }
}

/// What those have who never changed anything.
fn all_off() -> Value {
    let off = json!({"enabled": false, "destination": ""});
    json!({"dndEnabled": false, "busy": off, "noanswer": off, "unconditional": off})
}

#[tokio::test]
async fn everything_is_off_where_nothing_was_changed() {
    let service = Service::with_users(1).await;
    let answered = service.versioned::<GetServices>(json!({"user_id": 1}), None).await;
    assert_eq!(answered, Ok((None, all_off())));
}

#[tokio::test]
async fn an_update_changes_and_answers_what_was_sent_also_within_a_forward() {
    let service = Service::with_users(1).await;
    let mut expected = all_off();
    let steps = [
        json!({"busy": {"destination": "1002"}}),
        json!({"dndEnabled": true}),
        json!({"busy": {"enabled": true}, "noanswer": {"enabled": true, "destination": "+33123"}}),
        json!({"unconditional": {"enabled": false, "destination": "*21#"}}),
        json!({"busy": {"destination": "1003"}, "dndEnabled": false}),
        json!({"noanswer": {}}),
        json!({}),
    ];
    for sent in steps {
        for (service, change) in sent.as_object().unwrap() {
            match change.as_object() {
                Some(forward) => forward.iter().for_each(|(key, value)| expected[service][key] = value.clone()),
                None => expected[service] = change.clone(),
            }
        }
        assert_eq!(service.change(1, sent.clone()).await, Ok(sent));
        assert_eq!(service.services(1).await, Ok(expected.clone()));
    }
}

#[tokio::test]
async fn what_is_null_counts_as_left_out() {
    let service = Service::with_users(1).await;
    let sent = json!({"dndEnabled": null, "busy": {"enabled": null, "destination": "1"}, "noanswer": null});
    assert_eq!(service.change(1, sent).await, Ok(json!({"busy": {"destination": "1"}})));
}

#[tokio::test]
async fn no_forward_is_enabled_without_a_destination_sent_or_stored() {
    let service = Service::with_users(1).await;
    for forward in ["busy", "noanswer", "unconditional"] {
        let refused = Err(bad_request(&format!("{forward} cannot be enabled without a destination")));
        let before = service.services(1).await;
        assert_eq!(service.change(1, json!({forward: {"enabled": true}})).await, refused);
        assert_eq!(service.change(1, json!({forward: {"enabled": true, "destination": ""}})).await, refused);
        assert_eq!(service.services(1).await, before);
        service.change(1, json!({forward: {"destination": "1"}})).await.unwrap();
        service.change(1, json!({forward: {"enabled": true}})).await.unwrap();
        assert_eq!(service.change(1, json!({forward: {"destination": ""}})).await, refused);
        let off = json!({forward: {"enabled": false, "destination": ""}});
        assert_eq!(service.change(1, off.clone()).await, Ok(off.clone()));
        assert_eq!(service.services(1).await.unwrap()[forward], off[forward]);
    }
}

#[tokio::test]
async fn a_destination_is_something_that_can_be_dialled() {
    let service = Service::with_users(1).await;
    let longest = format!("+{}", "0".repeat(40));
    for destination in ["0", "+33123456789", "*21#", longest.as_str()] {
        service.change(1, json!({"busy": {"enabled": true, "destination": destination}})).await.unwrap();
        assert_eq!(service.services(1).await.unwrap()["busy"]["destination"], destination);
    }
    let message = "the destination of noanswer is not 1 to 40 of the digits, * and #, maybe behind a +";
    let too_long = "0".repeat(41);
    for destination in ["+", "++1", "1 2", "1+", "bob", "\0", too_long.as_str()] {
        let refused = service.change(1, json!({"noanswer": {"destination": destination}})).await;
        assert_eq!(refused, Err(bad_request(message)), "{destination:?}");
    }
}

#[tokio::test]
async fn nobody_has_the_services_of_an_unknown_user() {
    let service = Service::with_users(1).await;
    assert_eq!(service.services(9).await, Err(user_not_found(9)));
    assert_eq!(service.change(9, json!({"dndEnabled": true})).await, Err(user_not_found(9)));
    assert_eq!(service.change(9, json!({})).await, Err(user_not_found(9)));
}

#[tokio::test]
async fn an_update_of_another_version_than_expected_changes_nothing() {
    let service = Service::with_users(1).await;
    let update = async |dnd: bool, versions: &[i64]| {
        let request = json!({"user_id": 1, "services": {"dndEnabled": dnd}});
        service.versioned::<UpdateServices>(request, Some(Expected::OneOf(versions.to_vec()))).await
    };
    let refused = |message| Err(fault(Status::PreconditionFailed, "PreconditionFailed", message));
    assert_eq!(update(true, &[1]).await, refused("there is no such object yet"));
    assert_eq!(service.services(1).await, Ok(all_off()));
    service.change(1, json!({"dndEnabled": true})).await.unwrap();
    assert_eq!(update(false, &[1]).await, Ok((Some(2), json!({"dndEnabled": false}))));
    assert_eq!(update(true, &[1]).await, refused("the object has version 2"));
    assert_eq!(service.services(1).await, Ok(all_off()));
}

#[tokio::test]
async fn first_updates_of_one_user_at_the_same_moment_are_all_kept() {
    let service = Service::with_users(1).await;
    let updates = [
        json!({"dndEnabled": true}),
        json!({"busy": {"enabled": true, "destination": "1"}}),
        json!({"noanswer": {"enabled": true, "destination": "2"}}),
        json!({"unconditional": {"enabled": true, "destination": "3"}}),
    ];
    let answers = join_all(updates.iter().map(|update| service.change(1, update.clone()))).await;
    assert_eq!(answers, updates.map(Ok));
    let on = |destination| json!({"enabled": true, "destination": destination});
    let all = json!({"dndEnabled": true, "busy": on("1"), "noanswer": on("2"), "unconditional": on("3")});
    let answered = service.versioned::<GetServices>(json!({"user_id": 1}), None).await;
    assert_eq!(answered, Ok((Some(4), all)));
}

use configmgt_contract::{
    Expected, Fault, Status,
    preferences::{CreatePreference, DeletePreference, GetPreference, ListPreferences, UpdatePreference},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, fault, user_not_found};

const DONE: Result<Value, Fault> = Ok(Value::Null);

fn named(user: i32, key: &str) -> Value {
    json!({"user_id": user, "key": key})
}

fn valued(user: i32, key: &str, value: impl Into<Value>, value_type: &str) -> Value {
    json!({"user_id": user, "key": key, "value": {"value": value.into(), "value_type": value_type}})
}

fn not_set(user: i32, key: &str) -> Fault {
    fault(Status::NotFound, "PreferenceNotFound", &format!("Preference {key} is not set for user {user}"))
}

#[tokio::test]
async fn a_preference_is_created_read_changed_and_deleted() {
    let service = Service::with_users(2).await;
    let device = "preferred_device";
    assert_eq!(service.ask::<CreatePreference>(valued(1, device, "phone", "String")).await, DONE);
    let got = service.versioned::<GetPreference>(named(1, device), None).await;
    assert_eq!(got, Ok((Some(1), json!({"value": "phone", "value_type": "String"}))));
    assert_eq!(service.ask::<UpdatePreference>(valued(1, device, "webrtc", "string")).await, DONE);
    let got = service.versioned::<GetPreference>(named(1, device), None).await;
    assert_eq!(got, Ok((Some(2), json!({"value": "webrtc", "value_type": "string"}))));
    assert_eq!(service.ask::<GetPreference>(named(2, device)).await, Err(not_set(2, device)));
    assert_eq!(service.ask::<DeletePreference>(named(1, device)).await, DONE);
    assert_eq!(service.ask::<GetPreference>(named(1, device)).await, Err(not_set(1, device)));
}

#[tokio::test]
async fn the_preferences_of_a_user_are_listed_in_the_order_of_their_creation() {
    let service = Service::with_users(2).await;
    assert_eq!(service.ask::<ListPreferences>(json!({"user_id": 1})).await, Ok(json!([])));
    service.ask::<CreatePreference>(valued(1, "preferred_device", "phone", "String")).await.unwrap();
    service.ask::<CreatePreference>(valued(2, "of_another", "1", "number")).await.unwrap();
    service.ask::<CreatePreference>(valued(1, "other_preference", "42", "number")).await.unwrap();
    let listed = json!([
        {"key": "preferred_device", "value": "phone", "value_type": "String"},
        {"key": "other_preference", "value": "42", "value_type": "number"},
    ]);
    assert_eq!(service.ask::<ListPreferences>(json!({"user_id": 1})).await, Ok(listed));
}

#[tokio::test]
async fn a_list_longer_than_a_batch_is_whole() {
    let service = Service::with_users(1).await;
    for count in [1999, 2000, 2001] {
        let insert = "DELETE FROM preference;
                      INSERT INTO preference (user_id, key, value, value_type)
                      SELECT 1, 'key' || i, i, 'number' FROM generate_series(1, {count}) i";
        service.run(&insert.replace("{count}", &count.to_string())).await;
        let listed = service.ask::<ListPreferences>(json!({"user_id": 1})).await.unwrap();
        let keys = listed.as_array().unwrap().iter().map(|preference| preference["key"].as_str().unwrap().to_owned());
        assert!(keys.eq((1..=count).map(|number| format!("key{number}"))), "{count}");
    }
}

#[tokio::test]
async fn a_preference_is_created_once_and_only_what_is_set_is_changed() {
    let service = Service::with_users(1).await;
    service.ask::<CreatePreference>(valued(1, "a", "1", "number")).await.unwrap();
    let already = fault(Status::Conflict, "Duplicate", "Preference a is already set for user 1");
    assert_eq!(service.ask::<CreatePreference>(valued(1, "a", "2", "number")).await, Err(already));
    assert_eq!(service.ask::<UpdatePreference>(valued(1, "b", "2", "number")).await, Err(not_set(1, "b")));
    assert_eq!(service.ask::<DeletePreference>(named(1, "b")).await, Err(not_set(1, "b")));
    let got = service.ask::<GetPreference>(named(1, "a")).await;
    assert_eq!(got, Ok(json!({"value": "1", "value_type": "number"})));
}

#[tokio::test]
async fn nobody_has_the_preferences_of_an_unknown_user() {
    let service = Service::with_users(1).await;
    let unknown = Err(user_not_found(9));
    assert_eq!(service.ask::<ListPreferences>(json!({"user_id": 9})).await, unknown);
    assert_eq!(service.ask::<GetPreference>(named(9, "a")).await, unknown);
    assert_eq!(service.ask::<CreatePreference>(valued(9, "a", "1", "number")).await, unknown);
    assert_eq!(service.ask::<UpdatePreference>(valued(9, "a", "1", "number")).await, unknown);
    assert_eq!(service.ask::<DeletePreference>(named(9, "a")).await, unknown);
}

#[tokio::test]
async fn a_number_or_a_boolean_is_kept_as_its_text() {
    let service = Service::with_users(1).await;
    service.ask::<CreatePreference>(valued(1, "a", "", "String")).await.unwrap();
    let values = [
        (json!(42), "42"),
        (json!(-1), "-1"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(0.5), "0.5"),
        (json!(true), "true"),
        (json!("true"), "true"),
        (json!(" é\n"), " é\n"),
    ];
    for (sent, kept) in values {
        service.ask::<UpdatePreference>(valued(1, "a", sent, "any")).await.unwrap();
        let got = service.ask::<GetPreference>(named(1, "a")).await;
        assert_eq!(got, Ok(json!({"value": kept, "value_type": "any"})));
    }
}

#[tokio::test]
async fn values_that_cannot_be_kept_or_used_are_refused() {
    let service = Service::with_users(1).await;
    let too_long = "é".repeat(4097);
    let device = "the value of preferred_device is neither phone nor webrtc";
    let refused = [
        ("a", too_long.as_str(), "String", "value has more than 4096 characters"),
        ("a", "a\0", "String", "value contains a NUL"),
        ("a", "1", "", "value_type must not be empty"),
        ("a", "1", "a\0", "value_type contains a control character"),
        ("a", "1", &too_long[..66], "value_type has more than 32 characters"),
        ("preferred_device", "Phone", "String", device),
        ("preferred_device", "", "String", device),
    ];
    for (key, value, value_type, message) in refused {
        let request = valued(1, key, value, value_type);
        assert_eq!(service.ask::<CreatePreference>(request.clone()).await, Err(bad_request(message)), "{request}");
        assert_eq!(service.ask::<UpdatePreference>(request).await, Err(bad_request(message)));
    }
    service.ask::<CreatePreference>(valued(1, "a", &too_long[2..], &too_long[..64])).await.unwrap();
}

#[tokio::test]
async fn a_preference_of_another_version_than_expected_stays_as_it_is() {
    let service = Service::with_users(1).await;
    service.ask::<CreatePreference>(valued(1, "a", "1", "number")).await.unwrap();
    service.ask::<UpdatePreference>(valued(1, "a", "2", "number")).await.unwrap();
    let first = || Some(Expected::OneOf(vec![1]));
    let refused = Err(fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 2"));
    assert_eq!(service.versioned::<UpdatePreference>(valued(1, "a", "3", "number"), first()).await, refused);
    assert_eq!(service.versioned::<DeletePreference>(named(1, "a"), first()).await, refused);
    let got = service.ask::<GetPreference>(named(1, "a")).await;
    assert_eq!(got, Ok(json!({"value": "2", "value_type": "number"})));
}

#[tokio::test]
async fn of_twelve_creations_of_one_preference_one_wins() {
    let service = Service::with_users(1).await;
    let creations = (0..12).map(|value| service.ask::<CreatePreference>(valued(1, "a", value, "number")));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations).await.into_iter().partition(Result::is_ok);
    let already = fault(Status::Conflict, "Duplicate", "Preference a is already set for user 1");
    assert_eq!((won, lost), (vec![DONE], vec![Err(already); 11]));
}

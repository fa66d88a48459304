use configmgt_contract::{
    Fault, Status, Whole,
    catalogues::DeleteLabel,
    changes::RevertChange,
    users::{CreateUser, DeleteUser, GetUser, PatchUser, ReplaceUser},
    validation::ValidateUser,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, call, duplicate, expecting, fault, keyed};

fn not_found(id: i32) -> Fault {
    fault(Status::NotFound, "UserNotFound", &format!("User {id} not found"))
}

fn whole(service_answer: Whole) -> (Value, Option<i64>, Option<String>) {
    let Whole { body, version, created } = service_answer;
    (serde_json::from_slice(&body).unwrap(), version, created)
}

async fn password_hash(service: &Service, id: i32) -> Option<String> {
    let hash = sqlx::query_scalar("SELECT password_hash FROM users.users WHERE id = $1");
    hash.bind(id).fetch_one(&service.owner).await.unwrap()
}

#[tokio::test]
async fn a_user_is_created_read_replaced_changed_and_deleted() {
    let service = Service::start().await.with_catalogues().await;
    let fields = json!({
        "firstname": "James", "lastname": "Bond", "login": "jbond", "password": "doe", "email": "j.bond@xivo.solutions",
        "mobilePhoneNumber": "+336 00", "externalPhoneNumber": "0007", "entity": "test", "labels": ["red", "blue", "red"],
    });
    let user = json!({
        "id": 1, "firstname": "James", "lastname": "Bond", "login": "jbond", "email": "j.bond@xivo.solutions",
        "mobilePhoneNumber": "+336 00", "externalPhoneNumber": "0007", "entity": "test", "labels": ["red", "blue"],
    });
    let created = service.exchange::<CreateUser>(fields, call()).await.unwrap();
    assert_eq!(whole(created), (user.clone(), Some(1), Some("1".to_owned())));
    let read = service.exchange::<GetUser>(json!({"id": 1}), call()).await.unwrap();
    assert_eq!(whole(read), (user, Some(1), None));

    let replacement = json!({"firstname": "Jimmy", "login": "jbond"});
    let replaced = json!({"id": 1, "firstname": "Jimmy", "lastname": "", "login": "jbond", "labels": []});
    let answer = service.exchange::<ReplaceUser>(json!({"id": 1, "fields": replacement}), call()).await.unwrap();
    assert_eq!(whole(answer), (replaced, Some(2), None));

    let patch = json!({"lastname": "B", "login": null, "labels": ["green"], "entity": "test"});
    let patched = json!({"id": 1, "firstname": "Jimmy", "lastname": "B", "entity": "test", "labels": ["green"]});
    let answer = service.exchange::<PatchUser>(json!({"id": 1, "patch": patch}), call()).await.unwrap();
    assert_eq!(whole(answer), (patched.clone(), Some(3), None));
    let answer = service.exchange::<PatchUser>(json!({"id": 1, "patch": {}}), call()).await.unwrap();
    assert_eq!(whole(answer), (patched, Some(3), None));

    assert_eq!(service.ask::<DeleteUser>(json!({"id": 1})).await, Ok(Value::Null));
    assert_eq!(service.ask::<GetUser>(json!({"id": 1})).await, Err(not_found(1)));
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    let service = Service::start().await;
    assert_eq!(service.ask::<GetUser>(json!({"id": 9})).await, Err(not_found(9)));
    let fields = json!({"firstname": "A"});
    assert_eq!(service.ask::<ReplaceUser>(json!({"id": 9, "fields": fields})).await, Err(not_found(9)));
    assert_eq!(service.ask::<PatchUser>(json!({"id": 9, "patch": {}})).await, Err(not_found(9)));
    assert_eq!(service.ask::<DeleteUser>(json!({"id": 9})).await, Err(not_found(9)));
}

#[tokio::test]
async fn a_password_is_kept_as_a_hash_until_it_is_replaced_or_removed() {
    let service = Service::start().await;
    service.create(json!({"firstname": "A", "password": "one"})).await.unwrap();
    let first = password_hash(&service, 1).await.unwrap();
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");

    service.ask::<ReplaceUser>(json!({"id": 1, "fields": {"firstname": "B"}})).await.unwrap();
    service.ask::<PatchUser>(json!({"id": 1, "patch": {"firstname": "C"}})).await.unwrap();
    assert_eq!(password_hash(&service, 1).await.as_ref(), Some(&first));

    service.ask::<ReplaceUser>(json!({"id": 1, "fields": {"firstname": "C", "password": "two"}})).await.unwrap();
    let second = password_hash(&service, 1).await.unwrap();
    service.ask::<PatchUser>(json!({"id": 1, "patch": {"password": "three"}})).await.unwrap();
    let third = password_hash(&service, 1).await.unwrap();
    assert!(first != second && second != third && third.starts_with("$argon2id$"));

    service.ask::<PatchUser>(json!({"id": 1, "patch": {"password": null}})).await.unwrap();
    assert_eq!(password_hash(&service, 1).await, None);

    let changed: Vec<(Value, Value)> =
        sqlx::query_as("SELECT before, after FROM users.journal WHERE action = 'updated' ORDER BY id")
            .fetch_all(&service.owner)
            .await
            .unwrap();
    assert_eq!(changed.len(), 5);
    assert!(!json!(changed).to_string().contains("password"));
}

#[tokio::test]
async fn a_taken_login_or_email_is_a_duplicate_that_names_the_constraint() {
    let service = Service::start().await;
    service.create(json!({"firstname": "A", "login": "a", "email": "a@x"})).await.unwrap();
    let b = service.create(json!({"firstname": "B", "login": "b", "email": "b@x"})).await.unwrap();
    for (field, value, constraint) in [("login", "a", "users_login_key"), ("email", "a@x", "users_email_key")] {
        let fields = json!({"firstname": "C", field: value});
        assert_eq!(service.create(fields.clone()).await, Err(duplicate(constraint)));
        let replaced = service.ask::<ReplaceUser>(json!({"id": 2, "fields": fields})).await;
        assert_eq!(replaced, Err(duplicate(constraint)));
        let patched = service.ask::<PatchUser>(json!({"id": 2, "patch": {field: value}})).await;
        assert_eq!(patched, Err(duplicate(constraint)));
    }
    assert_eq!(service.ask::<GetUser>(json!({"id": 2})).await, Ok(b));
}

#[tokio::test]
async fn users_without_login_and_email_are_no_duplicates_of_each_other() {
    let service = Service::start().await;
    for id in 1..=2 {
        let blank =
            json!({"firstname": "A", "lastname": null, "login": "", "email": " ", "entity": "", "labels": null});
        let user = json!({"id": id, "firstname": "A", "lastname": "", "labels": []});
        assert_eq!(service.create(blank).await, Ok(user));
    }
}

#[tokio::test]
async fn of_twelve_creations_of_one_login_one_wins() {
    let service = Service::start().await;
    let creations = (1..=12).map(|_| service.create(json!({"firstname": "A", "login": "one"})));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 11));
    assert!(lost.into_iter().all(|lost| lost == Err(duplicate("users_login_key"))));
}

#[tokio::test]
async fn an_entity_or_a_label_that_does_not_exist_is_named_and_nothing_is_stored() {
    let service = Service::start().await.with_catalogues().await;
    let user = service.create(json!({"firstname": "A", "entity": "test", "labels": ["red"]})).await.unwrap();
    for (field, value, message) in [
        ("entity", json!("nowhere"), "entity: there is no entity 'nowhere'"),
        ("labels", json!(["red", "pink"]), "labels: there is no label 'pink'"),
        ("labels", json!(["it's %s \\"]), "labels: there is no label 'it's %s \\'"),
    ] {
        let fields = json!({"firstname": "B", field: value});
        assert_eq!(service.create(fields.clone()).await, Err(bad_request(message)));
        let replaced = service.ask::<ReplaceUser>(json!({"id": 1, "fields": fields})).await;
        assert_eq!(replaced, Err(bad_request(message)));
        let patched = service.ask::<PatchUser>(json!({"id": 1, "patch": {field: value}})).await;
        assert_eq!(patched, Err(bad_request(message)));
    }
    assert_eq!(service.ask::<GetUser>(json!({"id": 1})).await, Ok(user));
}

#[tokio::test]
async fn fields_that_nobody_could_use_are_refused_by_name_and_nothing_is_stored() {
    let service = Service::start().await.with_catalogues().await;
    let (longest, too_long) = ("é".repeat(128), "é".repeat(129));
    let many: Vec<_> = (0..101).map(|number| format!("label{number}")).collect();
    for (field, value, message) in [
        ("firstname", json!(""), "firstname must not be empty"),
        ("firstname", json!(" \u{a0}"), "firstname must not be empty"),
        ("firstname", json!(too_long), "firstname has more than 128 characters"),
        ("lastname", json!("a\0b"), "lastname contains a control character"),
        ("login", json!(too_long), "login has more than 128 characters"),
        ("login", json!("a\0b"), "login contains a control character"),
        ("password", json!(""), "password must not be empty"),
        ("email", json!("x".repeat(255)), "email has more than 254 characters"),
        ("mobilePhoneNumber", json!("1\n2"), "mobilePhoneNumber contains a control character"),
        ("externalPhoneNumber", json!("1\u{7f}"), "externalPhoneNumber contains a control character"),
        ("entity", json!("a\0b"), "entity contains a control character"),
        ("labels", json!(["red", ""]), "labels must not be empty"),
        ("labels", json!(["a\0b"]), "labels contains a control character"),
        ("labels", json!(many), "labels has more than 100 items"),
    ] {
        let mut user = json!({"firstname": "A"});
        user[field] = value;
        assert_eq!(service.create(user).await, Err(bad_request(message)));
    }
    let longest = json!({"firstname": longest, "lastname": longest, "login": longest});
    assert_eq!(service.create(longest).await.unwrap()["id"], 1);
}

#[tokio::test]
async fn a_patch_cannot_take_the_first_name_away() {
    let service = Service::start().await;
    service.create(json!({"firstname": "A"})).await.unwrap();
    let patched = service.ask::<PatchUser>(json!({"id": 1, "patch": {"firstname": null}})).await;
    assert_eq!(patched, Err(bad_request("firstname must not be empty")));
}

#[tokio::test]
async fn a_write_is_carried_out_on_the_expected_version_only() {
    let service = Service::start().await.with_catalogues().await;
    let stale = Err(fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 2"));
    service.create(json!({"firstname": "A"})).await.unwrap();
    let patch = json!({"id": 1, "patch": {"firstname": "B"}});
    let patched = service.exchange::<PatchUser>(patch.clone(), expecting(1)).await.unwrap();
    assert_eq!(patched.version, Some(2));
    assert_eq!(service.exchange::<PatchUser>(patch, expecting(1)).await, stale);
    let replacement = json!({"id": 1, "fields": {"firstname": "C"}});
    assert_eq!(service.exchange::<ReplaceUser>(replacement, expecting(1)).await, stale);
    service.give_line(1, "1000").await;
    assert_eq!(service.exchange::<DeleteUser>(json!({"id": 1}), expecting(1)).await, stale);
    assert_eq!(service.exchange::<DeleteUser>(json!({"id": 1}), expecting(2)).await.unwrap(), Whole::default());
}

#[tokio::test]
async fn a_creation_repeated_with_its_key_is_answered_the_same_with_the_same_place() {
    let service = Service::start().await;
    let create = async || service.exchange::<CreateUser>(json!({"firstname": "A", "login": "a"}), keyed("k")).await;
    let first = create().await.unwrap();
    assert_eq!(first.created.as_deref(), Some("1"));
    assert_eq!(create().await, Ok(first));
}

#[tokio::test]
async fn a_repetition_with_another_password_is_the_same_write_and_the_first_password_stays() {
    let service = Service::start().await;
    let create = async |user: Value| service.exchange::<CreateUser>(user, keyed("k")).await;
    let first = create(json!({"firstname": "A", "login": "a", "password": "doe"})).await;
    assert!(first.is_ok());
    assert_eq!(create(json!({"firstname": "A", "login": "a", "password": "other"})).await, first);
    let validate = async |password| service.ask::<ValidateUser>(json!({"username": "a", "password": password})).await;
    assert_eq!(validate("doe").await, Ok(Value::Null));
    assert_eq!(validate("other").await, Err(fault(Status::NotFound, "NotFoundError", "User not found")));
}

#[tokio::test]
async fn of_two_changes_at_once_neither_is_lost() {
    let service = Service::start().await;
    service.create(json!({"firstname": "A"})).await.unwrap();
    let patches = [json!({"lastname": "B"}), json!({"login": "b"}), json!({"email": "b@x"}), json!({"firstname": "C"})];
    let patches = patches.map(|patch| service.ask::<PatchUser>(json!({"id": 1, "patch": patch})));
    assert!(join_all(patches).await.iter().all(Result::is_ok));
    let user = json!({"id": 1, "firstname": "C", "lastname": "B", "login": "b", "email": "b@x", "labels": []});
    assert_eq!(service.ask::<GetUser>(json!({"id": 1})).await, Ok(user));
}

#[tokio::test]
async fn the_deletion_of_a_user_is_a_change_of_all_that_goes_with_it() {
    let service = Service::start().await.with_catalogues().await;
    service.create(json!({"firstname": "A", "login": "a"})).await.unwrap();
    service.give_line(1, "1000").await;
    service
        .run(
            "INSERT INTO services (user_id, dnd_enabled) VALUES (1, true);
             INSERT INTO rights (user_id, profile) VALUES (1, 'admin');
             INSERT INTO preference (user_id, key, value, value_type) VALUES (1, 'one', '1', 'number'), (1, 'two', '2', 'number')",
        )
        .await;
    service.ask::<DeleteUser>(json!({"id": 1})).await.unwrap();
    let deleted: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT object_type, object_id, actor FROM users.journal WHERE action = 'deleted' ORDER BY object_type, object_id",
    )
    .fetch_all(&service.owner)
    .await
    .unwrap();
    let expected =
        [("line", "1"), ("preference", "1"), ("preference", "2"), ("rights", "1"), ("services", "1"), ("user", "1")];
    assert_eq!(deleted, expected.map(|(kind, id)| (kind.to_owned(), id.to_owned(), "somebody".to_owned())));
}

#[tokio::test]
async fn a_deletion_that_is_taken_back_brings_the_password_back_but_no_label_that_is_gone() {
    let service = Service::start().await.with_catalogues().await;
    let user = json!({"firstname": "A", "password": "doe", "labels": ["red"]});
    let user = service.create(user).await.unwrap();
    let hash = password_hash(&service, 1).await;
    service.ask::<DeleteUser>(json!({"id": 1})).await.unwrap();
    let deletion = json!({"event_id": last_event(&service).await});
    service.ask::<DeleteLabel>(json!({"name": "red"})).await.unwrap();
    let revert = async || service.ask::<RevertChange>(deletion.clone()).await;
    let message = "the former state contradicts what is stored: there is no label 'red'";
    assert_eq!(revert().await, Err(fault(Status::Conflict, "Conflict", message)));
    service.run("INSERT INTO label (name, display_name) VALUES ('red', 'Red')").await;
    assert_eq!(revert().await.unwrap()["after"], user);
    assert_eq!(password_hash(&service, 1).await, hash);
}

async fn last_event(service: &Service) -> String {
    sqlx::query_scalar("SELECT event_id::text FROM users.journal ORDER BY id DESC LIMIT 1")
        .fetch_one(&service.owner)
        .await
        .unwrap()
}

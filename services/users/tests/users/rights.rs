use configmgt_contract::{
    Expected, Fault, Status,
    rights::{DeleteRight, GetRight, ListProfiles, SetRight},
};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::{Service, bad_request, fault};

impl Service {
    async fn set(&self, login: &str, right: Value) -> Result<Value, Fault> {
        self.ask::<SetRight>(json!({"login": login, "right": right})).await
    }

    async fn right(&self, login: &str) -> Result<Value, Fault> {
        self.ask::<GetRight>(json!({"login": login})).await
    }
}

fn not_found(message: &str) -> Fault {
    fault(Status::NotFound, "NotFoundError", message)
}

#[tokio::test]
async fn a_right_is_given_replaced_and_taken_away() {
    let service = Service::with_users(1).await;
    let supervisor = json!({"type": "supervisor", "data": {
        "queueIds": [3, 2, 1, 7], "groupIds": [3, 1, 2], "incallIds": [],
        "recordingAccess": false, "dissuasionAccess": true}});
    assert_eq!(service.set("user1", supervisor.clone()).await, Ok(supervisor.clone()));
    assert_eq!(service.right("user1").await, Ok(supervisor));
    let teacher = json!({"type": "teacher", "data": {
        "queueIds": [1], "groupIds": [], "incallIds": [5], "start": "2026-09-01", "end": "2026-09-01"}});
    assert_eq!(service.set("user1", teacher.clone()).await, Ok(teacher.clone()));
    assert_eq!(service.right("user1").await, Ok(teacher));
    assert_eq!(service.ask::<DeleteRight>(json!({"login": "user1"})).await, Ok(Value::Null));
    assert_eq!(service.right("user1").await, Err(not_found("User user1 has no profile")));
}

#[tokio::test]
async fn what_is_left_out_gets_the_default_of_the_profile() {
    let service = Service::with_users(1).await;
    let supervisor = json!({"type": "supervisor", "data": {
        "queueIds": [], "groupIds": [], "incallIds": [], "recordingAccess": true, "dissuasionAccess": false}});
    let teacher = json!({"type": "teacher", "data": {"queueIds": [], "groupIds": [], "incallIds": []}});
    let admin = json!({"type": "admin", "data": {}});
    for whole in [supervisor, teacher, admin] {
        let profile = &whole["type"];
        for data in
            [json!({}), json!(null), json!({"queueIds": null, "recordingAccess": null, "start": null, "end": ""})]
        {
            assert_eq!(service.set("user1", json!({"type": profile, "data": data})).await, Ok(whole.clone()));
        }
        assert_eq!(service.set("user1", json!({"type": profile})).await, Ok(whole.clone()));
        assert_eq!(service.right("user1").await, Ok(whole));
    }
}

#[tokio::test]
async fn what_a_profile_does_not_know_is_ignored() {
    let service = Service::with_users(1).await;
    // For those who do not have them, neither the ids nor the order of the days are looked at.
    let objects = json!({"queueIds": [1], "groupIds": [2], "incallIds": [3]});
    let accesses = json!({"recordingAccess": false, "dissuasionAccess": true});
    let days = json!({"start": "2026-01-01", "end": "2026-12-31"});
    let (no_objects, no_days) = (json!({"queueIds": [0]}), json!({"start": "2026-12-31", "end": "2026-01-01"}));
    for (profile, sent, stored) in [
        ("admin", vec![&no_objects, &accesses, &no_days], vec![]),
        ("supervisor", vec![&objects, &accesses, &no_days], vec![&objects, &accesses]),
        ("teacher", vec![&objects, &accesses, &days], vec![&objects, &days]),
    ] {
        let right = |parts: Vec<&Value>| {
            let members = parts.into_iter().filter_map(Value::as_object).flatten();
            let data: Map<_, _> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
            json!({"type": profile, "data": data})
        };
        assert_eq!(service.set("user1", right(sent)).await, Ok(right(stored.clone())));
        assert_eq!(service.right("user1").await, Ok(right(stored)));
    }
}

#[tokio::test]
async fn ids_are_positive_stay_in_their_order_and_count_once() {
    let service = Service::with_users(1).await;
    let set = async |ids: Value| service.set("user1", json!({"type": "teacher", "data": {"groupIds": ids}})).await;
    assert_eq!(set(json!([7, 3.0, 7, 1, 3])).await.unwrap()["data"]["groupIds"], json!([7, 3, 1]));
    let most: Vec<i32> = (1..=1000).rev().collect();
    let twice = [most.clone(), most.clone()].concat();
    assert_eq!(set(json!(twice)).await.unwrap()["data"]["groupIds"], json!(most));
    let too_many: Vec<i32> = (1..=1001).collect();
    assert_eq!(set(json!(too_many)).await, Err(bad_request("groupIds has more than 1000 ids")));
    assert_eq!(set(json!([1, 0])).await, Err(bad_request("groupIds: 0 is no possible id")));
    assert_eq!(set(json!([-5])).await, Err(bad_request("groupIds: -5 is no possible id")));
    assert_eq!(service.right("user1").await.unwrap()["data"]["groupIds"], json!(most));
}

#[tokio::test]
async fn a_teacher_does_not_start_after_his_end() {
    let service = Service::with_users(1).await;
    let set = async |data: Value| service.set("user1", json!({"type": "teacher", "data": data})).await;
    let refused = set(json!({"start": "2026-10-01", "end": "2026-09-30"})).await;
    assert_eq!(refused, Err(bad_request("start lies after end")));
    for data in [json!({"start": "9999-12-31"}), json!({"end": "0001-01-01"})] {
        let stored = set(data.clone()).await.unwrap();
        assert_eq!(service.right("user1").await, Ok(stored.clone()));
        let (field, day) = data.as_object().unwrap().iter().next().unwrap();
        assert_eq!(&stored["data"][field], day);
    }
}

#[tokio::test]
async fn a_login_that_nobody_has_is_not_found() {
    let service = Service::with_users(1).await;
    let unknown = not_found("User nobody not found");
    assert_eq!(service.right("nobody").await, Err(unknown.clone()));
    assert_eq!(service.set("nobody", json!({"type": "admin"})).await, Err(unknown.clone()));
    assert_eq!(service.ask::<DeleteRight>(json!({"login": "nobody"})).await, Err(unknown));
    let no_profile = not_found("User user1 has no profile");
    assert_eq!(service.ask::<DeleteRight>(json!({"login": "user1"})).await, Err(no_profile));
}

#[tokio::test]
async fn only_users_with_a_login_and_a_profile_are_listed_by_id() {
    let service = Service::with_users(4).await;
    assert_eq!(service.ask::<ListProfiles>(json!({})).await, Ok(json!([])));
    for (login, profile) in [("user4", "teacher"), ("user1", "admin"), ("user3", "supervisor")] {
        service.set(login, json!({"type": profile})).await.unwrap();
    }
    service.run("UPDATE users SET login = NULL WHERE id = 3").await;
    let listed = json!([
        {"name": "Last1", "firstname": "First1", "login": "user1", "profile": "admin"},
        {"name": "Last4", "firstname": "First4", "login": "user4", "profile": "teacher"},
    ]);
    assert_eq!(service.ask::<ListProfiles>(json!({})).await, Ok(listed));
}

#[tokio::test]
async fn a_list_longer_than_a_batch_is_whole() {
    for count in [1999, 2000, 2001] {
        let service = Service::with_users(count).await;
        service.run("INSERT INTO rights (user_id, profile) SELECT id, 'admin' FROM users").await;
        let listed = service.ask::<ListProfiles>(json!({})).await.unwrap();
        let logins = listed.as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap().to_owned());
        assert!(logins.eq((1..=count).map(|id| format!("user{id}"))), "{count}");
    }
}

#[tokio::test]
async fn a_right_of_another_version_than_expected_stays_as_it_is() {
    let service = Service::with_users(1).await;
    let set = async |profile: &str, expected| {
        let request = json!({"login": "user1", "right": {"type": profile}});
        service.versioned::<SetRight>(request, Some(expected)).await.map(|(version, _)| version)
    };
    let refused = |message| Err(fault(Status::PreconditionFailed, "PreconditionFailed", message));
    assert_eq!(set("admin", Expected::Existing).await, refused("there is no such object yet"));
    service.set("user1", json!({"type": "admin"})).await.unwrap();
    assert_eq!(set("teacher", Expected::OneOf(vec![1])).await, Ok(Some(2)));
    assert_eq!(set("admin", Expected::OneOf(vec![1])).await, refused("the object has version 2"));
    assert_eq!(service.right("user1").await.unwrap()["type"], "teacher");
}

#[tokio::test]
async fn first_rights_of_one_user_at_the_same_moment_are_all_given_and_one_stays() {
    let service = Service::with_users(1).await;
    let given = (1..=8).map(|id| {
        let right = json!({"type": "teacher", "data": {"queueIds": [id], "groupIds": [], "incallIds": []}});
        let service = &service;
        async move { (service.set("user1", right.clone()).await, right) }
    });
    let given = join_all(given).await;
    assert!(given.iter().all(|(answer, right)| answer.as_ref() == Ok(right)), "{given:?}");
    let (version, stays) = service.versioned::<GetRight>(json!({"login": "user1"}), None).await.unwrap();
    assert_eq!(version, Some(8));
    assert!(given.iter().any(|(_, right)| *right == stays));
}

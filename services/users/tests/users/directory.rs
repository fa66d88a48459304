use configmgt_contract::directory::{FindUsers, ListContacts, ListUsers};
use serde_json::{Value, json};

use crate::{Service, bad_request};

/// Three users: with everything, with a line and nothing else, with nothing.
async fn three() -> (Service, [Value; 3]) {
    let service = Service::start().await.with_catalogues().await;
    service
        .create(json!({"firstname": "James", "lastname": "Bond", "entity": "test", "labels": ["blue", "green", "red"]}))
        .await
        .unwrap();
    service.create(json!({"firstname": "Jack", "lastname": "Sparrow", "labels": ["red", "green"]})).await.unwrap();
    service.create(json!({"firstname": "Q"})).await.unwrap();
    service.give_line(1, "1007").await;
    service
        .run(
            "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num)
             VALUES (2, 'sccp', 'default', '2000', 'default', '2000', 1)",
        )
        .await;
    let bond = json!({
        "id": 1, "fullName": "James Bond", "provisioning": 111_111, "lineType": "phone", "phoneNumber": "1007",
        "entity": "Test", "mdsName": "mds1", "mdsDisplayName": "MDS 1", "labels": ["blue", "green", "red"],
    });
    let sparrow = json!({
        "id": 2, "fullName": "Jack Sparrow", "lineType": "sccp", "phoneNumber": "2000",
        "mdsName": "default", "mdsDisplayName": "MDS Main", "labels": ["red", "green"],
    });
    let q = json!({"id": 3, "fullName": "Q", "labels": []});
    (service, [bond, sparrow, q])
}

#[tokio::test]
async fn users_are_listed_with_what_they_have_and_without_what_they_lack() {
    let (service, users) = three().await;
    assert_eq!(service.ask::<ListUsers>(json!({})).await, Ok(json!(users)));
}

#[tokio::test]
async fn users_are_found_by_every_field_of_the_answer() {
    let (service, [bond, sparrow, q]) = three().await;
    let found = async |filters: Value| service.ask::<FindUsers>(json!({"filters": filters})).await;
    let page = |users: &[&Value]| Ok(json!({"total": users.len(), "list": users}));
    let equal = |field: &str, value: Value| json!([{"field": field, "operator": "=", "value": value}]);
    for (field, value) in [
        ("id", json!("1")),
        ("fullName", json!("James Bond")),
        ("provisioning", json!("111111")),
        ("provisioning", json!(111_111)),
        ("lineType", json!("phone")),
        ("phoneNumber", json!("1007")),
        ("phoneNumber", json!(1007)),
        ("entity", json!("Test")),
        ("mdsName", json!("mds1")),
        ("mdsDisplayName", json!("MDS 1")),
    ] {
        assert_eq!(found(equal(field, value)).await, page(&[&bond]), "{field}");
        assert_eq!(found(json!([{"field": field, "order": "DESC"}])).await.unwrap()["total"], 3, "{field}");
    }
    assert_eq!(found(json!([{"field": "provisioning", "operator": "like", "value": "1111%"}])).await, page(&[&bond]));
    assert_eq!(found(json!([{"field": "entity", "operator": "is null"}])).await, page(&[&sparrow, &q]));
    assert_eq!(
        found(json!([{"field": "fullName", "operator": "iLIKE", "value": "j%"}])).await,
        page(&[&bond, &sparrow])
    );
    assert_eq!(found(json!([])).await, page(&[&bond, &sparrow, &q]));
    for field in ["label", "labels"] {
        let having = |list: Value| json!([{"field": field, "operator": "contains_all", "list": list}]);
        assert_eq!(found(having(json!(["blue", "red"]))).await, page(&[&bond]));
        assert_eq!(found(having(json!(["green", "red"]))).await, page(&[&bond, &sparrow]));
        assert_eq!(found(having(json!([]))).await, page(&[&bond, &sparrow, &q]));
    }
    let by_name = json!([{"field": "fullName", "order": "ASC"}]);
    assert_eq!(found(by_name).await, page(&[&sparrow, &bond, &q]));
    let second = service.ask::<FindUsers>(json!({"filters": [], "offset": 1, "limit": 1})).await;
    assert_eq!(second, Ok(json!({"total": 3, "list": [sparrow]})));
}

#[tokio::test]
async fn a_filter_that_cannot_be_used_is_refused_by_its_field() {
    let (service, _) = three().await;
    for (filter, message) in [
        (
            json!({"field": "login", "operator": "=", "value": "a"}),
            "'login': no such field; the fields are id, fullName, provisioning, lineType, phoneNumber, entity, mdsName, \
             mdsDisplayName, labels",
        ),
        (json!({"field": "label", "operator": "=", "value": "red"}), "label: the operator = does not fit this field"),
        (json!({"field": "id", "operator": "=", "value": "one"}), "id: 'one' is no whole number"),
        (
            json!({"field": "fullName", "operator": "=", "value": "a\0"}),
            "fullName: a value cannot contain a NUL character",
        ),
    ] {
        let refused = service.ask::<FindUsers>(json!({"filters": [filter]})).await;
        assert_eq!(refused, Err(bad_request(message)));
    }
}

#[tokio::test]
async fn contacts_have_the_keys_of_xivos_clients() {
    let service = Service::start().await.with_catalogues().await;
    let user = json!({
        "firstname": "toto", "lastname": "user", "email": "t.user@xivo.solutions", "mobilePhoneNumber": "1000",
        "externalPhoneNumber": "2000", "labels": ["red", "green", "blue"],
    });
    service.create(user).await.unwrap();
    service.create(json!({"firstname": "Q"})).await.unwrap();
    service.give_line(1, "9999").await;
    let toto = json!({
        "firstname": "toto", "lastname": "user", "email": "t.user@xivo.solutions", "mobilephoneNumber": "1000",
        "internalphonenumber": "9999", "labels": ["red", "green", "blue"], "externalphonenumber": "2000",
    });
    let q = json!({"firstname": "Q", "lastname": "", "labels": []});
    assert_eq!(service.ask::<ListContacts>(json!({})).await, Ok(json!([toto, q])));
}

#[tokio::test]
async fn listings_longer_than_a_batch_are_whole_and_ordered_by_id() {
    let service = Service::start().await;
    for count in [1999, 2000, 2001, 4001] {
        service
            .run(&format!(
                "TRUNCATE users CASCADE;
                 INSERT INTO users (id, firstname, email)
                 SELECT 3 * i, 'u', i || '@x' FROM generate_series(1, {count}) i ORDER BY random()"
            ))
            .await;
        let users = service.ask::<ListUsers>(json!({})).await.unwrap();
        let ids = users.as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap());
        assert!(ids.eq((1..=count).map(|i| 3 * i)), "{count}");
        let contacts = service.ask::<ListContacts>(json!({})).await.unwrap();
        let emails = contacts.as_array().unwrap().iter().map(|contact| contact["email"].as_str().unwrap().to_owned());
        assert!(emails.eq((1..=count).map(|i| format!("{i}@x"))), "{count}");
    }
}

use serde_json::{Value, json};

use crate::running::{Exchange, Running};

/// The product with the users that the documents show, and James Bond.
async fn documented() -> Running {
    let running = Running::start().await;
    for label in ["blue", "green", "red", "yellow"] {
        running.ask("POST", "2.0/labels", Some(json!({"name": label}))).await;
    }
    running.ask("POST", "2.0/entities", Some(json!({"name": "test", "displayName": "Test"}))).await;
    for user in [
        json!({"firstname": "user", "lastname": "A", "entity": "test", "labels": ["blue", "green", "red"]}),
        json!({"firstname": "user", "lastname": "B", "entity": "test", "labels": ["green", "red"]}),
        json!({"firstname": "James", "lastname": "Bond"}),
        json!({"firstname": "Jack", "lastname": "Sparrow"}),
    ] {
        assert_eq!(running.ask("POST", "2.0/users", Some(user)).await.0, 201);
    }
    running
        .insert(
            "INSERT INTO users.line (user_id, line_type, context, extension, site, name, line_num, provisioning_id)
             VALUES (1, 'phone', 'default', '1000', 'default', 'nrzpjngu', 1, 583115),
                    (2, 'webrtc', 'default', '1001', 'default', 'abcdefgh', 1, 273444)",
        )
        .await;
    running
}

fn user_a() -> Value {
    json!({
        "id": 1, "fullName": "user A", "provisioning": 583_115, "lineType": "phone", "phoneNumber": "1000",
        "entity": "Test", "mdsName": "default", "mdsDisplayName": "MDS Main", "labels": ["blue", "green", "red"],
    })
}

fn user_b() -> Value {
    json!({
        "id": 2, "fullName": "user B", "provisioning": 273_444, "lineType": "webrtc", "phoneNumber": "1001",
        "entity": "Test", "mdsName": "default", "mdsDisplayName": "MDS Main", "labels": ["green", "red"],
    })
}

fn bond() -> Value {
    json!({"id": 3, "fullName": "James Bond", "labels": []})
}

fn sparrow() -> Value {
    json!({"id": 4, "fullName": "Jack Sparrow", "labels": []})
}

#[tokio::test]
async fn the_documented_lists_and_searches_of_users_are_answered_as_documented() {
    let running = documented().await;
    let find = |filters: Value, found: &[Value]| {
        let body = json!({"filters": filters, "offset": 0, "limit": 100});
        Exchange("POST", "2.0/users/find", Some(body), 200, json!({"total": found.len(), "list": found}))
    };
    running
        .answers([
            Exchange("GET", "2.0/users", None, 200, json!([user_a(), user_b(), bond(), sparrow()])),
            find(json!([{"field": "phoneNumber", "operator": "=", "value": "1000", "order": "ASC"}]), &[user_a()]),
            find(json!([{"field": "fullName", "order": "ASC"}]), &[sparrow(), bond(), user_a(), user_b()]),
            find(json!([{"field": "fullName", "operator": "like", "value": "Jack%", "order": "ASC"}]), &[sparrow()]),
            find(json!([{"field": "fullName", "operator": "=", "value": "James Bond"}]), &[bond()]),
            find(json!([{"field": "label", "operator": "contains_all", "list": ["blue", "red"]}]), &[user_a()]),
        ])
        .await;
}

#[tokio::test]
async fn the_documented_contacts_are_answered_as_documented() {
    let running = Running::start().await;
    for label in ["blue", "green", "red", "yellow"] {
        running.ask("POST", "2.0/labels", Some(json!({"name": label}))).await;
    }
    for user in [
        json!({"firstname": "toto", "lastname": "user", "email": "t.user@xivo.solutions", "mobilePhoneNumber": "1000",
               "externalPhoneNumber": "2000", "labels": ["red", "green", "blue"]}),
        json!({"firstname": "Albert", "lastname": "Einstein", "email": "a.einstein@xivo.solutions",
               "mobilePhoneNumber": "2012", "externalPhoneNumber": "0007", "labels": ["green", "yellow"]}),
    ] {
        assert_eq!(running.ask("POST", "2.0/users", Some(user)).await.0, 201);
    }
    running
        .insert(
            "INSERT INTO users.line (user_id, line_type, context, extension, site, name, line_num)
             VALUES (1, 'sccp', 'default', '9999', 'default', '9999', 1), (2, 'sccp', 'default', '2019', 'default', '2019', 1)",
        )
        .await;
    let toto = json!({
        "firstname": "toto", "lastname": "user", "email": "t.user@xivo.solutions", "mobilephoneNumber": "1000",
        "internalphonenumber": "9999", "labels": ["red", "green", "blue"], "externalphonenumber": "2000",
    });
    let einstein = json!({
        "firstname": "Albert", "lastname": "Einstein", "email": "a.einstein@xivo.solutions", "mobilephoneNumber": "2012",
        "internalphonenumber": "2019", "labels": ["green", "yellow"], "externalphonenumber": "0007",
    });
    running.answers([Exchange("GET", "2.0/users/ascontact", None, 200, json!([toto, einstein]))]).await;
}

use serde_json::{Value, json};

use crate::running::{Exchange, Running};

#[tokio::test]
async fn a_user_is_managed_and_never_shows_its_password() {
    let running = Running::start().await;
    let new = json!({"firstname": "Jean", "lastname": "Ménage", "login": "jmenage", "password": "secret-4711"});
    let user = json!({"id": 1, "firstname": "Jean", "lastname": "Ménage", "login": "jmenage", "labels": []});
    let created = running.send("POST", "2.0/users", Some(new.clone())).await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.headers()["location"], "/configmgt/api/2.0/users/1");
    assert_eq!(created.headers()["etag"], "\"1\"");
    assert_eq!(created.json::<Value>().await.unwrap(), user);

    let replacement = json!({"firstname": "Jean", "email": "j@xivo.solutions"});
    let replaced = json!({"id": 1, "firstname": "Jean", "lastname": "", "email": "j@xivo.solutions", "labels": []});
    let patch = json!({"lastname": "Urbain", "email": null, "password": "secret-4712"});
    let patched = json!({"id": 1, "firstname": "Jean", "lastname": "Urbain", "labels": []});
    let unknown = json!({"error": "UserNotFound", "message": "User 1 not found"});
    let duplicate = json!({"error": "Duplicate",
                           "message": "duplicate key value violates unique constraint \"users_login_key\""});
    let no_text = json!({"error": "BadRequest",
                         "message": "the body does not fit at password: invalid type: a number, expected a string at line 1 column 16"});
    running
        .answers([
            Exchange("GET", "2.0/users/1", None, 200, user),
            Exchange("POST", "2.0/users", Some(new), 409, duplicate),
            Exchange("PUT", "2.0/users/1", Some(replacement), 200, replaced),
            Exchange("PATCH", "2.0/users/1", Some(patch), 200, patched.clone()),
            Exchange("PATCH", "2.0/users/1", Some(json!({"password": 4711})), 400, no_text),
            Exchange("GET", "2.0/users/1", None, 200, patched),
            Exchange("DELETE", "2.0/users/1", None, 204, json!("")),
            Exchange("GET", "2.0/users/1", None, 404, unknown.clone()),
            Exchange("PUT", "2.0/users/1", Some(json!({"firstname": "A"})), 404, unknown.clone()),
            Exchange("PATCH", "2.0/users/1", Some(json!({})), 404, unknown.clone()),
            Exchange("DELETE", "2.0/users/1", None, 404, unknown),
        ])
        .await;

    let (status, history) = running.ask("GET", "2.0/changes?objectType=user", None).await;
    let fields: Vec<_> = history["list"].as_array().unwrap().iter().map(|change| &change["changedFields"]).collect();
    assert_eq!(status, 200);
    assert_eq!(
        json!(fields),
        json!([
            ["firstname", "id", "labels", "lastname", "password"],
            ["email", "lastname", "password"],
            ["email", "lastname", "login"],
            ["firstname", "id", "labels", "lastname", "login", "password"],
        ]),
    );
    assert!(!history.to_string().contains("secret-") && !history.to_string().contains("argon2"));
    for (change, action) in
        history["list"].as_array().unwrap().iter().rev().zip(["created", "updated", "updated", "deleted"])
    {
        let event = running.events.next().await;
        assert_eq!(event.subject, format!("configmgt.event.users.user.1.{action}"));
        assert_eq!(event.body.get("before"), change.get("before"));
        assert_eq!(event.body.get("after"), change.get("after"));
        assert_eq!(event.body["changedFields"], change["changedFields"]);
    }
}

#[tokio::test]
async fn a_creation_that_is_repeated_with_its_key_is_answered_with_the_same_place() {
    let running = Running::start().await;
    let create = async || {
        let request = running.request("POST", "2.0/users", Some(json!({"firstname": "A", "login": "a"})));
        let answer = request.header("Idempotency-Key", "create-a").send().await.unwrap();
        let header = |name| answer.headers()[name].to_str().unwrap().to_owned();
        (answer.status().as_u16(), header("location"), header("etag"), answer.text().await.unwrap())
    };
    let user = r#"{"id":1,"firstname":"A","lastname":"","login":"a","labels":[]}"#;
    let first = (201, "/configmgt/api/2.0/users/1".to_owned(), "\"1\"".to_owned(), user.to_owned());
    assert_eq!(create().await, first);
    assert_eq!(create().await, first);
    let listed = json!([{"id": 1, "fullName": "A", "labels": []}]);
    assert_eq!(running.ask("GET", "2.0/users", None).await, (200, listed));
}

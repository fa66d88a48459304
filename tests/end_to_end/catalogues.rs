use serde_json::json;

use crate::running::{Exchange, Running};

#[tokio::test]
async fn entities_media_servers_contexts_and_labels_are_managed_alike() {
    let running = Running::start().await;
    let main = json!({"name": "default", "displayName": "MDS Main"});
    let first = json!({"name": "default", "displayName": "Default"});
    let new = json!({"name": "a-1", "displayName": "A 1"});
    for (path, what, constraint, there) in [
        ("entities", "Entity", "entity_pkey", vec![]),
        ("mediaservers", "Media server", "mediaserver_pkey", vec![main]),
        ("contexts", "Context", "context_pkey", vec![first]),
        ("labels", "Label", "label_pkey", vec![]),
    ] {
        let list = format!("2.0/{path}");
        let one = format!("2.0/{path}/a-1");
        assert_eq!(running.ask("GET", &list, None).await, (200, json!(there)));
        let created = running.send("POST", &list, Some(new.clone())).await;
        assert_eq!(created.status(), 201);
        assert_eq!(created.headers()["location"], format!("/configmgt/api/{one}"));
        assert_eq!(created.headers()["etag"], "\"1\"");
        assert_eq!(created.json::<serde_json::Value>().await.unwrap(), new);
        let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
        let duplicate = json!({"error": "Duplicate", "message": message});
        assert_eq!(running.ask("POST", &list, Some(new.clone())).await, (409, duplicate));
        let both = [vec![new.clone()], there.clone()].concat();
        assert_eq!(running.ask("GET", &list, None).await, (200, json!(both)));
        assert_eq!(running.ask("DELETE", &one, None).await, (204, json!("")));
        let unknown = json!({"error": "NotFoundError", "message": format!("{what} a-1 not found")});
        assert_eq!(running.ask("DELETE", &one, None).await, (404, unknown));
    }
}

#[tokio::test]
async fn what_is_in_use_and_the_main_media_server_are_kept() {
    let running = Running::start().await;
    let in_use = json!({"error": "Conflict", "message": "Label red is in use by user 1"});
    let main = json!({"error": "Conflict", "message": "Media server default is the main one and cannot be deleted"});
    let user = json!({"id": 1, "firstname": "A", "lastname": "", "labels": ["red"]});
    let red = json!({"name": "red", "displayName": "red"});
    running
        .answers([
            Exchange("POST", "2.0/labels", Some(json!({"name": "red"})), 201, red),
            Exchange("POST", "2.0/users", Some(json!({"firstname": "A", "labels": ["red"]})), 201, user),
            Exchange("DELETE", "2.0/labels/red", None, 409, in_use),
            Exchange("DELETE", "2.0/mediaservers/default", None, 409, main),
        ])
        .await;
}

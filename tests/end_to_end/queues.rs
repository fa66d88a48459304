use serde_json::{Value, json};

use crate::{
    observed::assert_complete_of,
    running::{Exchange, Running},
};

#[tokio::test]
async fn a_queue_is_managed() {
    let running = Running::start().await;
    let new = json!({"name": "sales", "displayName": "Sales", "number": "3000"});
    let sales = json!({"id": 1, "name": "sales", "displayName": "Sales", "number": "3000"});
    let created = running.send("POST", "2.0/queues", Some(new.clone())).await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.headers()["location"], "/configmgt/api/2.0/queues/1");
    assert_eq!(created.headers()["etag"], "\"1\"");
    assert_eq!(created.json::<Value>().await.unwrap(), sales);

    let replaced = json!({"id": 1, "name": "support", "displayName": "support"});
    let duplicate = json!({"error": "Duplicate",
                           "message": "duplicate key value violates unique constraint \"queue_name_key\""});
    let unknown = json!({"error": "QueueNotFound", "message": "Queue 1 not found"});
    let no_text = json!({"error": "BadRequest",
                         "message": "the body does not fit at number: invalid type: integer `3000`, expected a string at line 1 column 26"});
    running
        .answers([
            Exchange("GET", "2.0/queues", None, 200, json!([sales])),
            Exchange("GET", "2.0/queues/1", None, 200, sales),
            Exchange("POST", "2.0/queues", Some(new), 409, duplicate),
            Exchange("POST", "2.0/queues", Some(json!({"name": "b", "number": 3000})), 400, no_text),
            Exchange("PUT", "2.0/queues/1", Some(json!({"name": "support"})), 200, replaced),
            Exchange("DELETE", "2.0/queues/1", None, 204, json!("")),
            Exchange("DELETE", "2.0/queues/1", None, 404, unknown.clone()),
            Exchange("PUT", "2.0/queues/1", Some(json!({"name": "support"})), 404, unknown.clone()),
            Exchange("GET", "2.0/queues/1", None, 404, unknown),
            Exchange("GET", "2.0/queues", None, 200, json!([])),
        ])
        .await;
    for action in ["created", "updated", "deleted"] {
        let event = running.events.next().await;
        assert_eq!(event.subject, format!("configmgt.event.queue-dissuasion.queue.1.{action}"));
    }
    assert_eq!(assert_complete_of(&running, "queue-dissuasion").await, 3);
}

use configmgt_contract::{
    Status,
    agent_config::{GetAgentConfig, ListAgentConfigs},
};
use serde_json::{Value, json};

use crate::{Service, agents::agent, fault};

/// An agent's place in a queue, as the documents show it.
fn member(agent: i32, number: &str, queue: i32, penalty: i32) -> Value {
    json!({
        "queue_name": format!("queue{queue}"), "queue_id": queue,
        "interface": format!("Agent/{number}"), "penalty": penalty,
        "commented": 0,
        "usertype": "Agent", "userid": agent, "channel": "Agent",
        "category": "Queue", "position": 1,
    })
}

#[tokio::test]
async fn an_agent_is_shown_with_its_places_in_queues_as_documented() {
    let service = Service::with_queues(&["queue1", "queue2"]).await;
    service.know_users(&[1]).await;
    let queues = json!([{"queueId": 1, "penalty": 1}, {"queueId": 2, "penalty": 2}]);
    service.create_agent(agent("1001", json!({"userid": 1, "queues": queues}))).await.unwrap();
    service
        .create_agent(agent("1002", json!({"numgroup": 2, "queues": [{"queueId": 2, "penalty": 1}]})))
        .await
        .unwrap();
    let first = json!({
        "id": 1,
        "firstname": "John", "lastname": "Doe", "number": "1001", "context": "default",
        "member": [member(1, "1001", 1, 1), member(1, "1001", 2, 2)],
        "numgroup": 1,
        "userid": 1,
    });
    let second = json!({
        "id": 2,
        "firstname": "John", "lastname": "Doe", "number": "1002", "context": "default",
        "member": [member(2, "1002", 2, 1)],
        "numgroup": 2,
    });
    assert_eq!(service.ask::<GetAgentConfig>(json!({"id": 1})).await, Ok(first.clone()));
    assert_eq!(service.ask::<ListAgentConfigs>(json!({})).await, Ok(json!([first, second])));
    let unknown = fault(Status::NotFound, "AgentNotFound", "Agent 3 not found");
    assert_eq!(service.ask::<GetAgentConfig>(json!({"id": 3})).await, Err(unknown));
}

#[tokio::test]
async fn the_places_keep_their_order_and_the_queues_their_latest_names() {
    let service = Service::with_queues(&["c", "a", "b"]).await;
    let queues = json!([{"queueId": 3}, {"queueId": 1}, {"queueId": 2}]);
    service.create_agent(agent("1001", json!({"queues": queues}))).await.unwrap();
    service.run("UPDATE queue SET name = 'z' WHERE id = 1").await;
    let shown = service.ask::<GetAgentConfig>(json!({"id": 1})).await.unwrap();
    let names: Vec<_> = shown["member"].as_array().unwrap().iter().map(|member| &member["queue_name"]).collect();
    assert_eq!(names, ["b", "z", "a"]);
}

#[tokio::test]
async fn a_list_longer_than_a_batch_is_whole() {
    let service = Service::with_queues(&["queue1"]).await;
    service
        .run(
            "INSERT INTO agent (firstname, number, context, queue_ids, penalties, positions)
             SELECT 'A', i::text, 'default', '{1}', '{0}', '{1}' FROM generate_series(1, 2500) i",
        )
        .await;
    let listed = service.ask::<ListAgentConfigs>(json!({})).await.unwrap();
    let interfaces = listed.as_array().unwrap().iter().map(|agent| agent["member"][0]["interface"].as_str().unwrap());
    assert!(interfaces.map(str::to_owned).eq((1..=2500).map(|number| format!("Agent/{number}"))));
}

use async_nats::jetstream;
use serde_json::{Value, json};

use crate::{
    observed::{Observed, all_published, assert_complete_of},
    running::{Exchange, Running},
};

const SERVICE: &str = "queue-dissuasion";

fn agent(number: &str) -> Value {
    json!({"firstname": "John", "lastname": "Doe", "number": number, "context": "default"})
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

/// The next event of an agent: its subject's end, and the agent after the change.
async fn next_of_agents(running: &Running) -> (String, Value) {
    loop {
        let Observed { subject, body, .. } = running.events.next().await;
        if let Some(end) = subject.strip_prefix("configmgt.event.queue-dissuasion.agent.") {
            return (end.to_owned(), body["after"].clone());
        }
    }
}

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    for name in ["queue1", "queue2"] {
        running.ask("POST", "2.0/queues", Some(json!({"name": name}))).await;
    }
    let queues = json!([{"queueId": 1, "penalty": 1, "position": 1}, {"queueId": 2, "penalty": 2, "position": 1}]);
    let new = with(with(agent("1001"), "queues", queues), "userid", json!(1));
    let john = with(with(new.clone(), "id", json!(1)), "numgroup", json!(1));
    let created = running.send("POST", "2.0/agents", Some(new.clone())).await;
    assert_eq!(created.status(), 201);
    assert_eq!(created.headers()["location"], "/configmgt/api/2.0/agents/1");
    assert_eq!(created.json::<Value>().await.unwrap(), john);

    let member = |queue: i32| {
        json!({
            "queue_name": format!("queue{queue}"), "queue_id": queue,
            "interface": "Agent/1001", "penalty": queue,
            "commented": 0,
            "usertype": "Agent", "userid": 1, "channel": "Agent",
            "category": "Queue", "position": 1,
        })
    };
    let config = json!({
        "id": 1,
        "firstname": "John", "lastname": "Doe", "number": "1001", "context": "default",
        "member": [member(1), member(2)],
        "numgroup": 1,
        "userid": 1,
    });
    let unknown = json!({"error": "AgentNotFound", "message": "Agent 2 not found"});
    let duplicate = json!({"error": "Duplicate",
                           "message": "duplicate key value violates unique constraint \"agent_number_key\""});
    let replaced = with(with(with(agent("1002"), "id", json!(1)), "numgroup", json!(1)), "queues", json!([]));
    let no_queue = json!({"error": "BadRequest", "message": "queues: there is no queue 9"});
    let queue_9 = with(agent("1003"), "queues", json!([{"queueId": 9}]));
    running
        .answers([
            Exchange("GET", "1.0/agent_config/1", None, 200, config.clone()),
            Exchange("GET", "1.0/agent_config", None, 200, json!([config])),
            Exchange("GET", "1.0/agent_config/2", None, 404, unknown.clone()),
            Exchange("GET", "2.0/agents", None, 200, json!([john])),
            Exchange("GET", "2.0/agents/1", None, 200, john),
            Exchange("POST", "2.0/agents", Some(new), 409, duplicate),
            Exchange("POST", "2.0/agents", Some(queue_9), 400, no_queue),
            Exchange("PUT", "2.0/agents/1", Some(agent("1002")), 200, replaced),
            Exchange("PUT", "2.0/agents/2", Some(agent("1002")), 404, unknown.clone()),
            Exchange("DELETE", "2.0/agents/1", None, 204, json!("")),
            Exchange("DELETE", "2.0/agents/2", None, 404, unknown),
        ])
        .await;
}

#[tokio::test]
async fn a_body_that_is_no_agent_is_refused_by_field() {
    let running = Running::start().await;
    for (field, body) in [
        ("number", with(agent("1"), "number", json!(1001))),
        ("numgroup", with(agent("1"), "numgroup", json!("1"))),
        ("userid", with(agent("1"), "userid", json!(1e30))),
        ("queues", with(agent("1"), "queues", json!("1"))),
        ("queues[1].queueId", with(agent("1"), "queues", json!([{"queueId": 1}, {"queueId": 3_000_000_000_u32}]))),
        ("queues[0].penalty", with(agent("1"), "queues", json!([{"queueId": 1, "penalty": 0.5}]))),
    ] {
        let (status, answer) = running.ask("POST", "2.0/agents", Some(body)).await;
        let message = answer["message"].as_str().unwrap();
        assert_eq!((status, &answer["error"]), (400, &json!("BadRequest")), "{message}");
        assert!(message.starts_with(&format!("the body does not fit at {field}: ")), "{message}");
    }
    assert_eq!(running.ask("GET", "1.0/agent_config/one", None).await.0, 400);
}

#[tokio::test]
async fn an_agent_can_be_the_user_who_was_created_the_moment_before() {
    let running = Running::start().await;
    for id in 1..=20 {
        running.create_users(&[("John", "Doe", &format!("user{id}"))]).await;
        let wanted = with(agent(&id.to_string()), "userid", json!(id));
        let (status, created) = running.ask("POST", "2.0/agents", Some(wanted)).await;
        assert_eq!((status, &created["userid"]), (201, &json!(id)), "{created}");
    }
    let (status, refused) = running.ask("POST", "2.0/agents", Some(with(agent("99"), "userid", json!(99)))).await;
    let nobody = json!({"error": "BadRequest", "message": "userid: there is no user 99"});
    assert_eq!((status, refused), (400, nobody));
}

#[tokio::test]
async fn an_agent_whose_user_is_deleted_stays_without_and_the_history_says_who_did_it() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    running.ask("POST", "2.0/agents", Some(with(agent("1001"), "userid", json!(1)))).await;
    assert_eq!(next_of_agents(&running).await.0, "1.created");
    assert_eq!(running.ask("DELETE", "2.0/users/1", None).await.0, 204);
    let without = with(with(with(agent("1001"), "id", json!(1)), "numgroup", json!(1)), "queues", json!([]));
    assert_eq!(next_of_agents(&running).await, ("1.updated".to_owned(), without.clone()));
    assert_eq!(running.ask("GET", "2.0/agents/1", None).await, (200, without));
    let (_, history) = running.ask("GET", "2.0/changes?objectType=agent&limit=1", None).await;
    assert_eq!(history["list"][0]["actor"], "PLAY_AUTH_TOKEN");
    assert_eq!(history["list"][0]["changedFields"], json!(["userid"]));
    assert_eq!(assert_complete_of(&running, SERVICE).await, 2);
}

#[tokio::test]
async fn an_agent_that_was_refused_is_not_created_when_its_user_comes_to_be_known_a_moment_later() {
    let running = Running::start().await;
    let of_user = |number: &str, id: u32| Some(with(agent(number), "userid", json!(id)));
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    assert_eq!(running.ask("POST", "2.0/agents", of_user("1001", 1)).await.0, 201);
    // As long as this is held, nothing that the users service tells is taken in.
    let mut held = running.database().await.begin().await.unwrap();
    let place = "SELECT FROM queue_dissuasion.following WHERE service = 'users' FOR UPDATE";
    assert_eq!(sqlx::query(place).fetch_all(&mut *held).await.unwrap().len(), 1);
    running.create_users(&[("Jane", "Doe", "jane")]).await;
    let (status, refused) = running.ask("POST", "2.0/agents", of_user("1002", 2)).await;
    assert_eq!((status, &refused["message"]), (400, &json!("userid: there is no user 2")));
    held.rollback().await.unwrap();
    assert_eq!(running.ask("POST", "2.0/agents", of_user("1003", 2)).await.0, 201);
    // Whatever is still under way of the second one is over before this one, which waits for as long as any.
    assert_eq!(running.ask("POST", "2.0/agents", of_user("1004", 7)).await.0, 400);
    let (_, agents) = running.ask("GET", "2.0/agents", None).await;
    let numbers: Vec<_> = agents.as_array().unwrap().iter().map(|agent| &agent["number"]).collect();
    assert_eq!(numbers, ["1001", "1003"]);
}

#[tokio::test]
async fn an_agent_loses_the_user_whose_deletion_nobody_tells_of_any_more() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    running.ask("POST", "2.0/agents", Some(with(agent("1001"), "userid", json!(1)))).await;
    assert_eq!(next_of_agents(&running).await.0, "1.created");
    all_published(&running).await;
    running.service(SERVICE).pause().unwrap();
    assert_eq!(running.ask("DELETE", "2.0/users/1", None).await.0, 204);
    all_published(&running).await;
    // As if the service had been away for longer than events are kept.
    sqlx::query("DELETE FROM users.journal").execute(&running.database().await).await.unwrap();
    let context = jetstream::new(running.bus().await);
    context.get_stream("CONFIGMGT_EVENT_USERS").await.unwrap().purge().await.unwrap();
    running.service(SERVICE).resume().unwrap();
    let without = with(with(with(agent("1001"), "id", json!(1)), "numgroup", json!(1)), "queues", json!([]));
    assert_eq!(next_of_agents(&running).await, ("1.updated".to_owned(), without));
    let (_, history) = running.ask("GET", "2.0/changes?objectType=agent&limit=1", None).await;
    assert_eq!(history["list"][0]["actor"], SERVICE);
}

#[tokio::test]
async fn agents_are_answered_while_the_users_service_and_its_events_are_away() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    running.ask("POST", "2.0/agents", Some(with(agent("1001"), "userid", json!(1)))).await;
    running.service("users").kill().unwrap();
    let (status, config) = running.ask("GET", "1.0/agent_config/1", None).await;
    assert_eq!((status, &config["userid"]), (200, &json!(1)));
    let (status, created) = running.ask("POST", "2.0/agents", Some(agent("1002"))).await;
    assert_eq!(status, 201, "{created}");
}

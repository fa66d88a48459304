use std::time::{Duration, Instant};

use configmgt_contract::{
    Expected, Fault, Status,
    agents::{CreateAgent, DeleteAgent, GetAgent, ListAgents, ReplaceAgent},
    queues::DeleteQueue,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, duplicate, fault};

impl Service {
    pub(crate) async fn create_agent(&self, agent: Value) -> Result<Value, Fault> {
        self.ask::<CreateAgent>(agent).await
    }

    async fn replace_agent(&self, id: i32, agent: Value) -> Result<Value, Fault> {
        self.ask::<ReplaceAgent>(json!({"id": id, "fields": agent})).await
    }

    async fn agent(&self, id: i32) -> Result<Value, Fault> {
        self.ask::<GetAgent>(json!({"id": id})).await
    }

    /// What the users service's events would leave.
    pub(crate) async fn know_users(&self, ids: &[i32]) {
        for id in ids {
            self.run(&format!("INSERT INTO known_user VALUES ({id})")).await;
        }
    }
}

/// An agent with this number, and with these members more.
pub(crate) fn agent(number: &str, more: Value) -> Value {
    let mut agent = json!({"firstname": "John", "lastname": "Doe", "number": number, "context": "default"});
    let Value::Object(more) = more else { panic!("{more} has no members") };
    agent.as_object_mut().unwrap().extend(more);
    agent
}

/// The same as it is answered.
fn stored(id: i32, number: &str, more: Value) -> Value {
    let mut stored = agent(number, json!({"id": id, "numgroup": 1, "queues": []}));
    let Value::Object(more) = more else { panic!("{more} has no members") };
    stored.as_object_mut().unwrap().extend(more);
    stored
}

fn not_found(id: i32) -> Fault {
    fault(Status::NotFound, "AgentNotFound", &format!("Agent {id} not found"))
}

#[tokio::test]
async fn an_agent_is_created_read_replaced_and_deleted() {
    let service = Service::with_queues(&["sales", "support"]).await;
    service.know_users(&[7]).await;
    let queues = json!([{"queueId": 2, "penalty": 3, "position": 4}, {"queueId": 1.0}]);
    let created = json!([{"queueId": 2, "penalty": 3, "position": 4}, {"queueId": 1, "penalty": 0, "position": 1}]);
    let john = stored(1, "1001", json!({"numgroup": 5, "userid": 7, "queues": created}));
    let wanted = agent("1001", json!({"numgroup": 5, "userid": 7.0, "queues": queues}));
    assert_eq!(service.create_agent(wanted).await, Ok(john.clone()));
    assert_eq!(service.agent(1).await, Ok(john));
    let nulls = json!({"lastname": "", "numgroup": null, "userid": null, "queues": null});
    let replaced = stored(1, "*1002", json!({"lastname": ""}));
    assert_eq!(service.replace_agent(1, agent("*1002", nulls)).await, Ok(replaced.clone()));
    assert_eq!(service.agent(1).await, Ok(replaced));
    assert_eq!(service.ask::<DeleteAgent>(json!({"id": 1})).await, Ok(Value::Null));
    assert_eq!(service.agent(1).await, Err(not_found(1)));
    assert_eq!(service.replace_agent(1, agent("1001", json!({}))).await, Err(not_found(1)));
    assert_eq!(service.ask::<DeleteAgent>(json!({"id": 1})).await, Err(not_found(1)));
}

#[tokio::test]
async fn values_that_no_agent_can_have_are_refused_by_field() {
    let service = Service::with_queues(&["sales"]).await;
    service.create_agent(agent("1001", json!({}))).await.unwrap();
    let number = "number is not 1 to 40 of the digits, * and #";
    let numgroup = "numgroup is no whole number from 1 to 2147483647";
    let penalty = "penalty is no whole number from 0 to 2147483647";
    let position = "position is no whole number from 0 to 2147483647";
    let place = |field: &str, value: i64| json!({"queues": [{"queueId": 1, field: value}]});
    let queues = |ids: &[i32]| json!({"queues": ids.iter().map(|id| json!({"queueId": id})).collect::<Vec<_>>()});
    for (more, message) in [
        (json!({"firstname": ""}), "firstname must not be empty"),
        (json!({"firstname": "a\0b"}), "firstname contains a control character"),
        (json!({"lastname": "a".repeat(129)}), "lastname has more than 128 characters"),
        (json!({"number": ""}), number),
        (json!({"number": "10 01"}), number),
        (json!({"context": " "}), "context must not be empty"),
        (json!({"numgroup": 0}), numgroup),
        (json!({"numgroup": 2_147_483_648_i64}), numgroup),
        (place("penalty", -1), penalty),
        (place("penalty", i64::MAX), penalty),
        (place("position", -1), position),
        (queues(&[1, 1]), "queues has queue 1 twice"),
        (queues(&(1..=1001).collect::<Vec<_>>()), "queues has more than 1000 items"),
        (queues(&[1, 9, -4]), "queues: there is no queue -4"),
        (json!({"userid": -1}), "userid: there is no user -1"),
        (json!({"userid": i64::MAX}), "userid: there is no user 9223372036854775807"),
    ] {
        assert_eq!(service.create_agent(agent("2", more.clone())).await, Err(bad_request(message)), "{more}");
        assert_eq!(service.replace_agent(1, agent("2", more.clone())).await, Err(bad_request(message)), "{more}");
    }
    assert_eq!(service.ask::<ListAgents>(json!({})).await, Ok(json!([stored(1, "1001", json!({}))])));
}

#[tokio::test]
async fn a_number_is_taken_once() {
    let service = Service::start().await;
    let created = join_all((0..8).map(|_| service.create_agent(agent("1001", json!({}))))).await;
    assert_eq!(created.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(created.iter().filter(|answer| **answer == Err(duplicate("agent_number_key"))).count(), 7);
    service.create_agent(agent("1002", json!({}))).await.unwrap();
    let last = service.ask::<ListAgents>(json!({})).await.unwrap()[1]["id"].as_i64().unwrap();
    let refused = service.replace_agent(i32::try_from(last).unwrap(), agent("1001", json!({}))).await;
    assert_eq!(refused, Err(duplicate("agent_number_key")));
}

#[tokio::test]
async fn a_user_whose_creation_is_on_its_way_is_waited_for() {
    let service = Service::start().await;
    let begin = Instant::now();
    let refused = service.create_agent(agent("1001", json!({"userid": 7}))).await;
    assert_eq!(refused, Err(bad_request("userid: there is no user 7")));
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let (created, ()) =
        tokio::join!(service.create_agent(agent("1001", json!({"userid": 7}))), service.know_users(&[7]));
    assert_eq!(created.unwrap()["userid"], 7);
}

#[tokio::test]
async fn few_agents_wait_for_their_users_at_a_time_and_others_are_told_to_try_again() {
    let service = Service::start().await;
    let asked = (0..20).map(|number| service.create_agent(agent(&number.to_string(), json!({"userid": 7}))));
    let answers = join_all(asked).await;
    let message = "too many agents wait for users who are not known yet; try again";
    let busy = Err(fault(Status::Unavailable, "ServiceUnavailable", message));
    assert_eq!(answers.iter().filter(|answer| **answer == busy).count(), 4);
    let unknown = Err(bad_request("userid: there is no user 7"));
    assert_eq!(answers.iter().filter(|answer| **answer == unknown).count(), 16);
}

#[tokio::test]
async fn an_agent_whose_user_is_deleted_stays_without() {
    let service = Service::with_queues(&["sales"]).await;
    service.know_users(&[7]).await;
    let queues = json!([{"queueId": 1, "penalty": 0, "position": 1}]);
    service.create_agent(agent("1001", json!({"userid": 7, "queues": queues}))).await.unwrap();
    service.run("DELETE FROM known_user WHERE id = 7").await;
    let without = stored(1, "1001", json!({"queues": queues}));
    assert_eq!(service.agent(1).await, Ok(without.clone()));
    assert_eq!(service.changes_of("agent").await[1..], [("agent 1 updated".to_owned(), without)]);
}

#[tokio::test]
async fn a_deleted_queue_takes_its_memberships_along() {
    let service = Service::with_queues(&["sales", "support", "other"]).await;
    let place = |queue: i32, penalty: i32| json!({"queueId": queue, "penalty": penalty, "position": 1});
    let [first, second, third] = [place(1, 1), place(2, 2), place(3, 3)];
    service.create_agent(agent("1", json!({"queues": [first, second, third]}))).await.unwrap();
    service.create_agent(agent("2", json!({"queues": [second]}))).await.unwrap();
    service.create_agent(agent("3", json!({"queues": [third]}))).await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 2})).await.unwrap();
    let left = [
        stored(1, "1", json!({"queues": [first, third]})),
        stored(2, "2", json!({})),
        stored(3, "3", json!({"queues": [third]})),
    ];
    assert_eq!(service.ask::<ListAgents>(json!({})).await, Ok(json!(left)));
    let [one, two, _] = left;
    let news = [("agent 1 updated".to_owned(), one), ("agent 2 updated".to_owned(), two)];
    assert_eq!(service.changes_of("agent").await[3..], news);
}

#[tokio::test]
async fn a_deletion_that_expects_another_version_of_the_queue_takes_nothing_along() {
    let service = Service::with_queues(&["sales"]).await;
    service.create_agent(agent("1", json!({"queues": [{"queueId": 1}]}))).await.unwrap();
    let delete =
        async |version| service.versioned::<DeleteQueue>(json!({"id": 1}), Some(Expected::OneOf(vec![version]))).await;
    let refused = fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 1");
    assert_eq!(delete(2).await, Err(refused));
    assert_eq!(service.agent(1).await.unwrap()["queues"][0]["queueId"], 1);
    assert_eq!(delete(1).await, Ok((None, Value::Null)));
    assert_eq!(service.agent(1).await.unwrap()["queues"], json!([]));
}

#[tokio::test]
async fn no_agent_keeps_a_queue_that_is_deleted_while_agents_are_given_it() {
    let service = Service::with_queues(&["a", "b", "c", "d", "e", "f"]).await;
    service.create_agent(agent("0", json!({}))).await.unwrap();
    for queue in 1..=6 {
        let given = (1..=4).map(|number| {
            let wanted = agent(&format!("{queue}{number}"), json!({"queues": [{"queueId": queue}]}));
            service.create_agent(wanted)
        });
        let replaced = service.replace_agent(1, agent("0", json!({"queues": [{"queueId": queue}]})));
        let deleted = service.ask::<DeleteQueue>(json!({"id": queue}));
        let (given, replaced, deleted) = tokio::join!(join_all(given), replaced, deleted);
        assert_eq!(deleted, Ok(Value::Null));
        let gone = bad_request(&format!("queues: there is no queue {queue}"));
        for answer in given.into_iter().chain([replaced]) {
            assert!(answer.is_ok() || answer == Err(gone.clone()), "{answer:?}");
        }
    }
    let agents = service.ask::<ListAgents>(json!({})).await.unwrap();
    assert!(agents.as_array().unwrap().iter().all(|agent| agent["queues"] == json!([])), "{agents}");
}

#[tokio::test]
async fn two_queues_of_the_same_agents_can_be_deleted_at_once() {
    let service = Service::with_queues(&["a", "b"]).await;
    for number in 1..=20 {
        let queues = json!([{"queueId": 1 + number % 2}, {"queueId": 2 - number % 2}]);
        service.create_agent(agent(&number.to_string(), json!({"queues": queues}))).await.unwrap();
    }
    let deleted = join_all([1, 2].map(|id| service.ask::<DeleteQueue>(json!({"id": id})))).await;
    assert_eq!(deleted, [Ok(Value::Null), Ok(Value::Null)]);
    let agents = service.ask::<ListAgents>(json!({})).await.unwrap();
    assert!(agents.as_array().unwrap().iter().all(|agent| agent["queues"] == json!([])), "{agents}");
}

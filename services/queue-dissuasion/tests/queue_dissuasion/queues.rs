use configmgt_contract::{
    Expected, Fault, Status,
    queues::{CreateQueue, DeleteQueue, GetQueue, ListQueues, ReplaceQueue},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, duplicate, fault};

impl Service {
    async fn create_queue(&self, queue: Value) -> Result<Value, Fault> {
        self.ask::<CreateQueue>(queue).await
    }

    async fn replace_queue(&self, id: i32, queue: Value) -> Result<Value, Fault> {
        self.ask::<ReplaceQueue>(json!({"id": id, "fields": queue})).await
    }

    async fn queue(&self, id: i32) -> Result<Value, Fault> {
        self.ask::<GetQueue>(json!({"id": id})).await
    }
}

fn not_found(id: i32) -> Fault {
    fault(Status::NotFound, "QueueNotFound", &format!("Queue {id} not found"))
}

#[tokio::test]
async fn a_queue_is_created_read_replaced_and_deleted() {
    let service = Service::start().await;
    let sales = json!({"id": 1, "name": "sales", "displayName": "Sales", "number": "3000"});
    assert_eq!(service.create_queue(sales.clone()).await, Ok(sales.clone()));
    assert_eq!(service.queue(1).await, Ok(sales));
    let replaced = json!({"id": 1, "name": "Sells_2.b-c", "displayName": "Sells_2.b-c"});
    for left_out in [json!(null), json!(" ")] {
        let queue = json!({"name": "Sells_2.b-c", "displayName": left_out, "number": left_out});
        assert_eq!(service.replace_queue(1, queue).await, Ok(replaced.clone()));
    }
    assert_eq!(service.queue(1).await, Ok(replaced));
    assert_eq!(service.ask::<DeleteQueue>(json!({"id": 1})).await, Ok(Value::Null));
    assert_eq!(service.queue(1).await, Err(not_found(1)));
    assert_eq!(service.replace_queue(1, json!({"name": "sales"})).await, Err(not_found(1)));
    assert_eq!(service.ask::<DeleteQueue>(json!({"id": 1})).await, Err(not_found(1)));
}

#[tokio::test]
async fn a_name_is_taken_once_and_letter_case_counts() {
    let service = Service::with_queues(&["sales", "Sales"]).await;
    assert_eq!(service.create_queue(json!({"name": "sales"})).await, Err(duplicate("queue_name_key")));
    assert_eq!(service.replace_queue(2, json!({"name": "sales"})).await, Err(duplicate("queue_name_key")));
    assert_eq!(service.queue(2).await.unwrap()["name"], "Sales");
}

#[tokio::test]
async fn values_that_no_queue_can_have_are_refused_by_field() {
    let service = Service::with_queues(&["sales"]).await;
    let characters = "name has characters other than letters, digits, _, . and -";
    let number = "number is not 1 to 40 of the digits, * and #";
    for (queue, message) in [
        (json!({"name": ""}), "name must not be empty"),
        (json!({"name": "a".repeat(129)}), "name has more than 128 characters"),
        (json!({"name": "a\0b"}), "name contains a control character"),
        (json!({"name": "../etc"}), characters),
        (json!({"name": "ventes à Lyon"}), characters),
        (json!({"name": "sales%"}), characters),
        (json!({"name": "general"}), "name cannot be general"),
        (json!({"name": "General"}), "name cannot be general"),
        (json!({"name": "a", "displayName": "a\nb"}), "displayName contains a control character"),
        (json!({"name": "a", "number": "+33"}), number),
        (json!({"name": "a", "number": "1".repeat(41)}), number),
    ] {
        assert_eq!(service.create_queue(queue.clone()).await, Err(bad_request(message)), "{queue}");
        assert_eq!(service.replace_queue(1, queue.clone()).await, Err(bad_request(message)), "{queue}");
    }
    let queues = json!([{"id": 1, "name": "sales", "displayName": "sales"}]);
    assert_eq!(service.ask::<ListQueues>(json!({})).await, Ok(queues));
}

#[tokio::test]
async fn queues_are_listed_by_id_however_many_they_are() {
    let service = Service::start().await;
    assert_eq!(service.ask::<ListQueues>(json!({})).await, Ok(json!([])));
    service.run("INSERT INTO queue (name, display_name) SELECT 'q' || i, 'Q' FROM generate_series(1, 2001) i").await;
    let listed = service.ask::<ListQueues>(json!({})).await.unwrap();
    let names = listed.as_array().unwrap().iter().map(|queue| queue["name"].as_str().unwrap().to_owned());
    assert!(names.eq((1..=2001).map(|id| format!("q{id}"))));
}

#[tokio::test]
async fn a_queue_of_another_version_than_expected_stays_as_it_is() {
    let service = Service::with_queues(&["sales"]).await;
    let replace = async |name: &str, version| {
        let request = json!({"id": 1, "fields": {"name": name}});
        let expected = Some(Expected::OneOf(vec![version]));
        service.versioned::<ReplaceQueue>(request, expected).await.map(|(version, _)| version)
    };
    let refused = fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 2");
    assert_eq!(replace("support", 1).await, Ok(Some(2)));
    assert_eq!(replace("other", 1).await, Err(refused.clone()));
    let expected = Some(Expected::OneOf(vec![1]));
    assert_eq!(service.versioned::<DeleteQueue>(json!({"id": 1}), expected).await, Err(refused));
    assert_eq!(service.queue(1).await.unwrap()["name"], "support");
}

#[tokio::test]
async fn of_many_creations_of_one_name_one_wins() {
    let service = Service::start().await;
    let created = join_all((0..8).map(|_| service.create_queue(json!({"name": "sales"})))).await;
    assert_eq!(created.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(created.iter().filter(|answer| **answer == Err(duplicate("queue_name_key"))).count(), 7);
}

use std::time::Duration;

use configmgt_stack::product::EDGE;
use serde_json::{Value, json};

use crate::running::Running;

async fn readiness(running: &Running) -> (u16, Value) {
    let answer = running.client.get(running.url("/readyz")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_product_is_ready_exactly_while_all_services_answer() {
    let mut running = Running::start().await;
    let services = json!(["users", "callbacks", "queue-dissuasion", "meetingroom"]);
    assert_eq!(readiness(&running).await, (200, json!({"status": "ready", "services": services})));

    running.service("callbacks").stop(Duration::from_secs(20)).unwrap();
    let message = "not ready: no instance of the callbacks service is listening";
    assert_eq!(readiness(&running).await, (503, json!({"error": "ServiceUnavailable", "message": message})));

    running.services.push(running.site.spawn("callbacks").unwrap());
    running.ready().await;

    running.nats.stop().unwrap();
    let message = "not ready: the message bus cannot be reached";
    assert_eq!(readiness(&running).await, (503, json!({"error": "ServiceUnavailable", "message": message})));
    let live = running.client.get(running.url("/livez")).send().await.unwrap();
    assert_eq!(live.json::<Value>().await.unwrap(), json!({"status": "live"}));

    running.nats.restart().unwrap();
    running.ready().await;
}

#[tokio::test]
async fn every_process_stops_in_order_when_it_is_asked_to() {
    let running = Running::start().await;
    for process in running.services.iter().chain([&running.edge]) {
        assert!(process.stop(Duration::from_secs(20)).unwrap().success(), "{}", process.name());
    }
}

#[tokio::test]
async fn the_health_command_of_each_process_tells_whether_it_works() {
    let running = Running::start().await;
    let health = |name: &str| {
        let mut command = tokio::process::Command::new(&running.site.program);
        command
            .args([name, "health"])
            .envs(running.site.environment(name))
            .env("CONFIGMGT_LISTEN", &running.site.listen);
        command.kill_on_drop(true);
        async move { command.output().await.unwrap().status.success() }
    };
    for process in &running.services {
        assert!(health(process.name()).await, "{}", process.name());
    }
    assert!(health(EDGE).await);
    running.service("users").stop(Duration::from_secs(20)).unwrap();
    assert!(!health("users").await);
    assert!(health("meetingroom").await);
    assert!(!health(EDGE).await);
}

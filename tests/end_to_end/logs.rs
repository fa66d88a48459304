use serde_json::json;

use crate::running::{Running, TOKEN};

#[tokio::test]
async fn each_request_leaves_one_line_with_its_id_route_status_and_duration() {
    let running = Running::start().await;
    let url = running.url("/configmgt//api/2.0/meetingrooms/77");
    let request = running.client.get(url).header("X-Auth-Token", TOKEN).header("X-Request-Id", "from-a-client");
    assert_eq!(request.send().await.unwrap().headers()["X-Request-Id"], "from-a-client");
    // A second one, whose line comes after all lines of the first.
    running.ask("GET", "2.0/meetingrooms/78", None).await;

    let mut lines = Vec::new();
    running
        .line("request", |line| {
            lines.push(line.clone());
            (line["path"] == "/configmgt/api/2.0/meetingrooms/78").then_some(())
        })
        .await;
    let about_it: Vec<_> = lines.iter().filter(|line| line["request_id"] == "from-a-client").collect();
    assert_eq!(about_it.len(), 1, "{lines:?}");
    let line = about_it[0];
    assert_eq!(
        json!([line["level"], line["method"], line["route"], line["path"], line["status"]]),
        json!(["INFO", "GET", "/configmgt/api/2.0/meetingrooms/{id}", "/configmgt//api/2.0/meetingrooms/77", 404])
    );
    assert!(line["duration_ms"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn no_secret_of_the_installation_is_logged() {
    let running = Running::start().await;
    running
        .ask(
            "POST",
            "2.0/meetingrooms",
            Some(json!({"name": "n", "displayName": "d", "number": 1, "userPin": "987654"})),
        )
        .await;
    running
        .ask(
            "POST",
            "2.0/meetingrooms",
            Some(json!({"name": "n", "displayName": "d", "number": 1, "userPin": "987654"})),
        )
        .await;
    running.ask("GET", "2.0/meetingrooms", None).await;
    let Running { edge, services, site, log, .. } = running;
    for process in services.iter().chain([&edge]) {
        process.stop(std::time::Duration::from_secs(20)).unwrap();
    }
    let passwords = services.iter().map(|service| site.nats_url(service.name()));
    let passwords: Vec<_> = passwords.map(|url| url.split([':', '@']).nth(2).unwrap().to_owned()).collect();
    let mut log = log.into_inner();
    let mut lines = 0;
    while let Ok(line) = log.try_recv() {
        lines += 1;
        for secret in passwords.iter().map(String::as_str).chain([TOKEN, "987654"]) {
            assert!(!line.contains(secret), "{line}");
        }
    }
    assert!(lines > 10);
}

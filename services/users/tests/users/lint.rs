use std::time::Duration;

use configmgt_contract::{
    lint::{Finding, ListFindings},
    rights::SetRight,
    services::UpdateServices,
};
use serde_json::{Value, json};

use crate::Service;

/// Users with lines in the context `internal`: of user 7 the extension 1007.
async fn with_lines(users: i32) -> Service {
    let service = Service::with_users(users).await.with_catalogues().await;
    service
        .run(&format!(
            "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num)
             SELECT i, 'sccp', 'internal', (1000 + i)::text, 'default', (1000 + i)::text, 1 FROM generate_series(1, {users}) i"
        ))
        .await;
    service
}

impl Service {
    async fn findings(&self) -> Vec<Finding> {
        let listed = self.ask::<ListFindings>(json!({})).await.unwrap();
        serde_json::from_value(listed).unwrap()
    }

    /// Gives users forwards of some kinds.
    async fn forward(&self, forwards: &[(i32, &str, &str)]) {
        for (user, kind, destination) in forwards {
            let services = json!({*kind: {"enabled": true, "destination": destination}});
            self.ask::<UpdateServices>(json!({"user_id": user, "services": services})).await.unwrap();
        }
    }

    async fn set_right(&self, login: &str, profile: &str, data: Value) {
        let right = json!({"login": login, "right": {"type": profile, "data": data}});
        self.ask::<SetRight>(right).await.unwrap();
    }
}

fn finding(object_type: &str, user: i32, reason: &str, remedy: &str) -> Finding {
    let [object_type, reason, remedy] = [object_type, reason, remedy].map(str::to_owned);
    Finding { object_type, object_id: user.to_string(), reason, remedy }
}

fn dead_end(user: i32, kind: &str, destination: &str) -> Finding {
    let reason = format!(
        "the {kind} forward of user {user} leads to {destination}, and context 'internal' has no such extension"
    );
    let remedy = format!(
        "end the forward or give it another destination: PUT 2.0/users/{user}/services; or give a user of the context this extension"
    );
    finding("services", user, &reason, &remedy)
}

fn circle(user: i32, kind: &str, way: &str) -> Finding {
    let remedy = format!(
        "end the {kind} forward of user {user}, or another one of these, or give it another destination: \
         PUT 2.0/users/{user}/services"
    );
    finding("services", user, &format!("forwards send callers round in a circle: {way}"), &remedy)
}

fn missing(user: i32, named: &str) -> Finding {
    let remedy = format!("give the user a right without them: POST 1.0/rights/user/user{user}");
    finding("rights", user, &format!("the right of user {user} names {named}"), &remedy)
}

#[tokio::test]
async fn what_hurts_nobody_is_not_found() {
    let service = with_lines(3).await;
    assert_eq!(service.findings().await, []);
    service.run("INSERT INTO known_queue (id, number) VALUES (1, '3000'), (2, NULL)").await;
    service.run("INSERT INTO known_agent (id, numgroup) VALUES (7, 4)").await;
    // To a user, to a queue, and to nobody for whom the forward is off.
    service.forward(&[(1, "busy", "1002"), (1, "noanswer", "3000"), (2, "unconditional", "1003")]).await;
    service.ask::<UpdateServices>(json!({"user_id": 3, "services": {"busy": {"destination": "1099"}}})).await.unwrap();
    service.set_right("user1", "supervisor", json!({"queueIds": [1, 2], "groupIds": [4], "incallIds": [9]})).await;
    service.set_right("user2", "admin", json!({})).await;
    assert_eq!(service.findings().await, []);
}

#[tokio::test]
async fn a_forward_to_an_extension_that_the_context_does_not_have_is_found() {
    let service = with_lines(4).await;
    // Another context's extension is none of this one.
    service.run("UPDATE line SET context = 'default' WHERE user_id = 4").await;
    service.forward(&[(1, "busy", "1099"), (1, "noanswer", "1004"), (2, "unconditional", "7")]).await;
    let expected = [dead_end(1, "busy", "1099"), dead_end(1, "noanswer", "1004"), dead_end(2, "unconditional", "7")];
    assert_eq!(service.findings().await, expected);
    // Who is deleted leaves nothing behind, and whoever is given the extension mends it.
    service.run("DELETE FROM users WHERE id = 2").await;
    service.run("UPDATE line SET context = 'internal' WHERE user_id = 4").await;
    assert_eq!(service.findings().await, [dead_end(1, "busy", "1099")]);
}

#[tokio::test]
async fn a_number_outside_and_a_service_of_the_telephone_system_are_no_missing_extensions() {
    let service = with_lines(1).await;
    for destination in ["+33230210092", "0230210092", "0", "10999", "*981001", "10#1", "#1"] {
        service.forward(&[(1, "busy", destination)]).await;
        assert_eq!(service.findings().await, [], "{destination}");
    }
    // With a longer extension in the context, it could be one.
    service.forward(&[(1, "busy", "10999")]).await;
    service.run("INSERT INTO users (firstname) VALUES ('B')").await;
    service
        .run(
            "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num)
             VALUES (2, 'sccp', 'internal', '20000', 'default', '20000', 1)",
        )
        .await;
    assert_eq!(service.findings().await, [dead_end(1, "busy", "10999")]);
}

#[tokio::test]
async fn a_forward_that_does_not_take_effect_is_not_found() {
    let service = with_lines(3).await;
    // While the unconditional one takes every call, nobody is busy and nobody fails to answer.
    service.forward(&[(1, "busy", "1099"), (1, "noanswer", "1001"), (1, "unconditional", "1002")]).await;
    // A user without a line is not called.
    service.forward(&[(3, "busy", "1099")]).await;
    service.run("DELETE FROM line WHERE user_id = 3").await;
    assert_eq!(service.findings().await, []);
}

#[tokio::test]
async fn forwards_that_go_round_in_a_circle_are_found_however_many_they_are() {
    let service = with_lines(20).await;
    service.forward(&[(1, "unconditional", "1001")]).await;
    service.forward(&[(2, "busy", "1003"), (3, "noanswer", "1002"), (4, "unconditional", "1003")]).await;
    let expected = [
        circle(1, "unconditional", "1001 (unconditional) -> 1001"),
        circle(3, "noanswer", "1002 (busy) -> 1003 (noanswer) -> 1002"),
    ];
    assert_eq!(service.findings().await, expected);

    service.run("DELETE FROM services").await;
    let next = |user: i32| (1001 + user % 20).to_string();
    let extensions: Vec<_> = (1..=20).map(next).collect();
    let all: Vec<_> = extensions.iter().zip(1..).map(|(extension, user)| (user, "busy", extension.as_str())).collect();
    service.forward(&all).await;
    let named: Vec<_> = (1001..=1010).map(|extension| format!("{extension} (busy)")).collect();
    assert_eq!(service.findings().await, [circle(20, "busy", &format!("{} -> … -> 1001", named.join(" -> ")))]);
}

#[tokio::test]
async fn a_circle_does_not_lead_through_another_context() {
    let service = with_lines(2).await;
    service.forward(&[(1, "busy", "1002"), (2, "busy", "1001")]).await;
    assert_eq!(service.findings().await.len(), 1);
    service.run("UPDATE line SET context = 'default' WHERE user_id = 2").await;
    assert_eq!(
        service.findings().await,
        [dead_end(1, "busy", "1002"), {
            let other = dead_end(2, "busy", "1001");
            Finding { reason: other.reason.replace("internal", "default"), ..other }
        }]
    );
}

#[tokio::test]
async fn a_right_to_queues_or_groups_that_do_not_exist_is_found() {
    let service = Service::with_users(4).await;
    service.run("INSERT INTO known_queue (id) VALUES (2)").await;
    service.run("INSERT INTO known_agent (id, numgroup) VALUES (1, 5)").await;
    service.set_right("user1", "supervisor", json!({"queueIds": [9, 2, 3], "groupIds": [5, 6]})).await;
    let many: Vec<_> = (1..=20).collect();
    service.set_right("user2", "teacher", json!({"queueIds": many})).await;
    // Nobody can log in with it.
    service.set_right("user3", "supervisor", json!({"queueIds": [9]})).await;
    service.run("UPDATE users SET login = NULL WHERE id = 3").await;
    let expected = [
        missing(1, "queues that do not exist: 9, 3"),
        missing(1, "groups in which there is no agent: 6"),
        missing(2, "queues that do not exist: 1, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 9 more"),
    ];
    assert_eq!(service.findings().await, expected);
}

#[tokio::test]
async fn findings_are_found_in_time_however_many_they_are() {
    let service = with_lines(20_000).await;
    service
        .run(
            "INSERT INTO services (user_id, busy_enabled, busy_destination, noanswer_enabled, noanswer_destination)
             SELECT i, true, '999', true, (1001 + i % 20000)::text FROM generate_series(1, 20000) i;
             INSERT INTO rights (user_id, profile, queue_ids, group_ids)
             SELECT i, 'supervisor', array_agg(q), array_agg(q) FROM generate_series(1, 1500) i, generate_series(1, 100) q
             GROUP BY i",
        )
        .await;
    let began = std::time::Instant::now();
    let findings = service.findings().await;
    // The edge waits for two seconds, for an optimised build. Were all of it read anew for each batch, it would take a minute here.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let of = |object_type: &str| findings.iter().filter(|finding| finding.object_type == object_type).count();
    assert_eq!((of("services"), of("rights"), findings.len()), (20_001, 3_000, 23_001));
}

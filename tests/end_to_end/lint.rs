use serde_json::{Value, json};

use crate::running::{Exchange, Running};

impl Running {
    /// The findings about objects of this type, once they are as wanted: of other services' objects a service has a copy, which is a
    /// moment behind.
    async fn findings_become(&self, object_type: &str, wanted: &Value) {
        loop {
            let (status, found) = self.ask("GET", "2.0/lint", None).await;
            assert_eq!(status, 200, "{found}");
            let found = found.as_array().unwrap().iter().filter(|finding| finding["objectType"] == object_type);
            if json!(found.collect::<Vec<_>>()) == *wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn forwards_that_hurt_are_found_with_what_mends_them() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe"), ("Jane", "Doe", "jane"), ("James", "Bond", "jbond")]).await;
    for user in 1..=3 {
        let line = json!({"lineType": "phone", "context": "default", "extension": (1000 + user).to_string()});
        let (status, created) = running.ask("POST", &format!("2.0/users/{user}/line"), Some(line)).await;
        assert!([200, 201].contains(&status), "{created}");
    }
    for (user, kind, destination) in
        [(1, "unconditional", "1002"), (2, "busy", "1001"), (3, "noanswer", "1099"), (3, "busy", "0230210092")]
    {
        let services = json!({kind: {"enabled": true, "destination": destination}});
        let (status, _) = running.ask("PUT", &format!("2.0/users/{user}/services"), Some(services)).await;
        assert_eq!(status, 200);
    }
    let findings = json!([
        {"objectType": "services", "objectId": "3",
         "reason": "the noanswer forward of user 3 leads to 1099, and context 'default' has no such extension",
         "remedy": "end the forward or give it another destination: PUT 2.0/users/3/services; \
                    or give a user of the context this extension"},
        {"objectType": "services", "objectId": "2",
         "reason": "forwards send callers round in a circle: 1001 (unconditional) -> 1002 (busy) -> 1001",
         "remedy": "end the busy forward of user 2, or another one of these, or give it another destination: \
                    PUT 2.0/users/2/services"},
    ]);
    running.answers([Exchange("GET", "2.0/lint", None, 200, findings)]).await;
    for (user, services) in [(2, json!({"busy": {"enabled": false}})), (3, json!({"noanswer": {"enabled": false}}))] {
        running.ask("PUT", &format!("2.0/users/{user}/services"), Some(services)).await;
    }
    running.answers([Exchange("GET", "2.0/lint", None, 200, json!([]))]).await;
}

#[tokio::test]
async fn rights_to_queues_and_groups_that_are_deleted_are_found() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    running.ask("POST", "2.0/queues", Some(json!({"name": "sales", "number": "3000"}))).await;
    let agent = json!({"firstname": "Jane", "lastname": "Doe", "number": "1", "context": "default", "numgroup": 5});
    running.ask("POST", "2.0/agents", Some(agent)).await;
    let right = json!({"type": "supervisor", "data": {"queueIds": [1], "groupIds": [5]}});
    assert_eq!(running.ask("POST", "1.0/rights/user/jdoe", Some(right)).await.0, 200);
    running.findings_become("rights", &json!([])).await;

    assert_eq!(running.ask("DELETE", "2.0/queues/1", None).await.0, 204);
    assert_eq!(running.ask("DELETE", "2.0/agents/1", None).await.0, 204);
    let remedy = "give the user a right without them: POST 1.0/rights/user/jdoe";
    let finding = |reason: &str| json!({"objectType": "rights", "objectId": "1", "reason": reason, "remedy": remedy});
    let lost = json!([
        finding("the right of user 1 names queues that do not exist: 1"),
        finding("the right of user 1 names groups in which there is no agent: 5"),
    ]);
    running.findings_become("rights", &lost).await;
}

#[tokio::test]
async fn a_forward_to_a_queue_hurts_when_the_queue_is_called_otherwise() {
    let running = Running::start().await;
    running.create_users(&[("John", "Doe", "jdoe")]).await;
    let line = json!({"lineType": "phone", "context": "default", "extension": "1001"});
    running.ask("POST", "2.0/users/1/line", Some(line)).await;
    running.ask("POST", "2.0/queues", Some(json!({"name": "sales", "number": "3000"}))).await;
    let services = json!({"busy": {"enabled": true, "destination": "3000"}});
    running.ask("PUT", "2.0/users/1/services", Some(services)).await;
    running.findings_become("services", &json!([])).await;
    running.ask("PUT", "2.0/queues/1", Some(json!({"name": "sales", "number": "3001"}))).await;
    let reason = "the busy forward of user 1 leads to 3000, and context 'default' has no such extension";
    let remedy = "end the forward or give it another destination: PUT 2.0/users/1/services; \
                  or give a user of the context this extension";
    let dead_end = json!({"objectType": "services", "objectId": "1", "reason": reason, "remedy": remedy});
    running.findings_become("services", &json!([dead_end])).await;
}

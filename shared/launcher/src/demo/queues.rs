//! The call centre's queues with their agents and dissuasions.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::Api;
use crate::Result;

/// Name, display name and number, in the order of their ids.
const QUEUES: [(&str, &str, &str); 7] = [
    ("switchboard", "Switchboard", "3000"),
    ("support", "Support", "3001"),
    ("sales", "Sales", "3002"),
    ("billing", "Billing", "3003"),
    ("night", "Night shift", "3004"),
    ("orders", "Orders", "3005"),
    ("lyon", "Lyon", "3006"),
];

/// The queue that all others may dissuade to.
pub(super) const DEFAULT: &str = "switchboard";

/// Who answers, with a user's login and, for each queue, a penalty. The last one waits for a queue, so that the lint has something
/// to say.
const AGENTS: &str = "
firstname | lastname | number | numgroup | login    | queues
John      | Doe      | 1001   | 1        | john     | sales:1,orders:2
Alice     | O'Neill  | 1002   | 1        | aoneill  | sales:2,support:1
Jack      | Dupont   | 1005   | 2        | jdupont  | support:1,night:0
Marie     | Martin   | 2001   | 3        | mmartin  | lyon:0,orders:1
Sophie    | Bernard  | 1006   | 2        | sbernard | billing:0,switchboard:1
Paul      | Petit    | 2002   | 3        | ppetit   |
";

/// Where callers go whom nobody answers: queue, kind of destination, destination.
const DISSUASIONS: [(&str, &str, &str); 7] = [
    ("switchboard", "sound_file", "switchboard_busy"),
    ("support", "queue", "night"),
    ("sales", "sound_file", "sales_audio_file"),
    ("billing", "queue", "support"),
    ("night", "sound_file", "night_closed"),
    ("orders", "queue", "sales"),
    ("lyon", "queue", "switchboard"),
];

/// Has the queues, and gives their ids by their names.
pub(super) async fn have_queues(api: &Api<'_>) -> Result<HashMap<String, i64>> {
    for (name, display_name, number) in QUEUES {
        let queue = json!({"name": name, "displayName": display_name, "number": number});
        api.ask(Method::POST, "2.0/queues", &queue).await?;
    }
    let queues = api.ask(Method::GET, "2.0/queues", &Value::Null).await?;
    let queues = queues.as_array().into_iter().flatten();
    Ok(queues.filter_map(|queue| Some((queue["name"].as_str()?.to_owned(), queue["id"].as_i64()?))).collect())
}

/// Has the agents, who are some of `users`, and gives the queues their dissuasions.
pub(super) async fn have_agents_and_dissuasions(
    api: &Api<'_>,
    queues: &HashMap<String, i64>,
    users: &HashMap<String, i64>,
) -> Result<()> {
    for mut agent in super::rows(AGENTS) {
        let places = agent.remove("queues").unwrap_or_default();
        let places = places.as_str().unwrap_or_default().split(',').filter_map(|place| {
            let (name, penalty) = place.split_once(':')?;
            Some(json!({"queueId": queues.get(name)?, "penalty": penalty.parse::<i64>().ok()?}))
        });
        let places: Vec<_> = places.collect();
        let user = agent.remove("login").and_then(|login| users.get(login.as_str()?).copied());
        let group = agent.remove("numgroup").and_then(|group| group.as_str()?.parse::<i64>().ok());
        agent.insert("context".to_owned(), "default".into());
        agent.insert("numgroup".to_owned(), group.into());
        agent.insert("userid".to_owned(), user.into());
        agent.insert("queues".to_owned(), places.into());
        api.ask(Method::POST, "2.0/agents", &agent.into()).await?;
    }
    for (queue, kind, destination) in DISSUASIONS {
        let Some(id) = queues.get(queue) else { continue };
        let name = if kind == "queue" { "queueName" } else { "soundFile" };
        api.ask(Method::PUT, &format!("1.0/queue/{id}/dissuasion/{kind}"), &json!({name: destination})).await?;
    }
    Ok(())
}

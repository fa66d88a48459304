//! The call centre's callbacks: whom to call back, and what came of it.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Api;
use crate::Result;

/// Periods beside the default one, which an installation begins with.
const PERIODS: [(&str, &str, &str); 2] = [("Morning", "09:00", "12:00"), ("Afternoon", "14:00", "17:00")];

/// The lists by the names of their queues. The last one has nobody to call.
const LISTS: [(&str, &str); 3] = [("sales", "Mine"), ("support", "another"), ("lyon", "Lyon")];

/// Whom to call back. `agent` is the number of who has taken it; `done` says how the call went, and with `cloture` it is clotured. One
/// number is there twice, so that the lint has something to say.
const REQUESTS: &str = "
list    | phoneNumber | mobilePhoneNumber | firstName | lastName | company     | description                 | period    | agent | done     | cloture
Mine    | 0199000051  | 0639980051        | John      | Doe      | MyCompany   | Call back quickly           |           |       |          |
Mine    | 0199000052  | 0639980052        | Alice     | O'Neill  | YourSociety |                             | Afternoon |       |          |
Mine    | 1000        | 2000              |           |          |             |                             |           | 1001  |          |
Mine    | 0199000054  |                   | Jack      |          | Cie         | Wants an offer              | Morning   | 1002  | Answered | yes
another | 0199000055  |                   | Zoé       | Lefèvre  |             | Printer does not print      |           |       |          |
another | 0199000055  |                   | Zoé       | Lefèvre  |             | Printer still does not print |          |       | NoAnswer |
another | +33199000056 |                  | Éric      | Noël     | Atelier     | Invoice                     | Morning   | 1005  | Email    | yes
";

/// Has the periods, the lists and, in a list that has none yet, the requests with their tickets. `queues` are the queues' ids by their
/// names.
pub(super) async fn have_callbacks(api: &Api<'_>, queues: &HashMap<String, i64>) -> Result<()> {
    for (name, start, end) in PERIODS {
        let period = json!({"name": name, "periodStart": start, "periodEnd": end});
        api.ask(Method::POST, "1.0/preferred_callback_periods", &period).await?;
    }
    let agents = api.ask(Method::GET, "2.0/agents", &Value::Null).await?;
    for (queue, name) in LISTS {
        let Some(queue) = queues.get(queue) else { continue };
        let list = have_list(api, name, *queue).await?;
        let any = json!({"filters": [{"field": "listUuid", "operator": "=", "value": list}], "limit": 1000});
        let known = api.ask(Method::POST, "1.0/callback_requests/find", &any).await?;
        let of_list = super::rows(REQUESTS).filter(|request| request.get("list").and_then(Value::as_str) == Some(name));
        let missing = usize::try_from(known["total"].as_u64().unwrap_or_default()).unwrap_or_default();
        for request in of_list.skip(missing) {
            make_request(api, &list, request, &agents).await?;
        }
    }
    Ok(())
}

/// The uuid of the list, which is created where it is not there.
async fn have_list(api: &Api<'_>, name: &str, queue: i64) -> Result<String> {
    let lists = api.ask(Method::GET, "1.0/callback_lists", &Value::Null).await?;
    let known = lists.as_array().into_iter().flatten().find(|list| list["name"] == name).cloned();
    let list = match known {
        Some(list) => list,
        None => api.ask(Method::POST, "1.0/callback_lists", &json!({"name": name, "queueId": queue})).await?,
    };
    uuid(&list)
}

async fn make_request(api: &Api<'_>, list: &str, mut request: Map<String, Value>, agents: &Value) -> Result<()> {
    let mut take = |name: &str| request.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let (agent, done, cloture) = (take("agent"), take("done"), take("cloture"));
    let path = format!("1.0/callback_lists/{list}/callback_requests");
    let created = uuid(&api.ask(Method::POST, &path, &request.into()).await?)?;
    let agent = agent.and_then(|number| {
        let agent = agents.as_array()?.iter().find(|agent| agent["number"] == number)?;
        agent["id"].as_i64()
    });
    if let Some(agent) = agent {
        let path = format!("1.0/callback_requests/{created}/take");
        api.ask(Method::POST, &path, &json!({"agentId": agent})).await?;
    }
    if let Some(status) = done {
        let ticket = api.ask(Method::POST, "1.0/callback_tickets", &json!({"requestUuid": created})).await?;
        let path = format!("1.0/callback_tickets/{}", uuid(&ticket)?);
        api.ask(Method::PUT, &path, &json!({"status": status, "comment": "from the demo set"})).await?;
    }
    if cloture.is_some() {
        api.ask(Method::POST, &format!("1.0/callback_requests/{created}/cloture"), &Value::Null).await?;
    }
    Ok(())
}

fn uuid(object: &Value) -> Result<String> {
    object["uuid"].as_str().map(str::to_owned).ok_or_else(|| "the demo set lacks a uuid".into())
}

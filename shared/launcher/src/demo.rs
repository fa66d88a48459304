//! A small call centre, so that the documents' examples answer something on the first start.

mod callbacks;
mod queues;
mod sounds;

use std::{collections::HashMap, fs, path::Path};

use configmgt_process::settings;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::Result;

/// What users and lines name, beside the media server and the context `default`, which an installation begins with.
const CATALOGUES: [(&str, &str, &str); 9] = [
    ("2.0/entities", "test", "Test"),
    ("2.0/entities", "lyon", "Lyon"),
    ("2.0/mediaservers", "mds1", "MDS 1"),
    ("2.0/contexts", "lyon", "Lyon"),
    ("2.0/contexts", "support", "Support"),
    ("2.0/labels", "red", "Red"),
    ("2.0/labels", "green", "Green"),
    ("2.0/labels", "blue", "Blue"),
    ("2.0/labels", "yellow", "Yellow"),
];

/// The users with their lines, in the order of their ids. The numbers with ten digits are those that France keeps for films.
const USERS: &str = "
firstname | lastname | login     | password | email                      | mobilePhoneNumber | externalPhoneNumber | entity | labels         | lineType | extension | context | site
James     | Bond     | jbond     | bond     | j.bond@xivo.solutions      | 0639980001        | 0199000001          | test   | blue,green,red | phone    | 1000      | default | default
John      | Doe      | john      | doe      | j.doe@xivo.solutions       | 0639980002        | 0199000002          | test   | green,red      | webrtc   | 1001      | default | default
Alice     | O'Neill  | aoneill   | oneill   | a.oneill@xivo.solutions    | 0639980003        | 0199000003          | test   | red            | ua       | 1002      | default | default
Jean      | Ménage   | jmenage   | menage   | j.menage@xivo.solutions    | 0639980004        |                     | test   | yellow         | ua       | 1003      | default | default
Jocelyn   | Urbain   | jurbain   | urbain   | j.urbain@xivo.solutions    | 0639980005        | 0199000005          | test   |                | phone    | 1004      | default | default
Albert    | Einstein | aeinstein | einstein | a.einstein@xivo.solutions  | 2012              | 0007                | lyon   | green,yellow   | phone    | 2019      | lyon    | mds1
toto      | user     | toto      | user     | t.user@xivo.solutions      | 1000              | 2000                | test   | red,green,blue | webrtc   | 9999      | default | default
Jack      | Dupont   | jdupont   | dupont   | j.dupont@xivo.solutions    | 0639980008        |                     | test   | blue           | ua       | 1005      | support | default
Marie     | Martin   | mmartin   | martin   | m.martin@xivo.solutions    | 0639980009        |                     | lyon   | blue,yellow    | webrtc   | 2001      | lyon    | mds1
Sophie    | Bernard  | sbernard  | bernard  | s.bernard@xivo.solutions   |                   | 0199000010          | test   | green          | sccp     | 1006      | default | default
Paul      | Petit    | ppetit    | petit    | p.petit@xivo.solutions     |                   |                     | lyon   |                | custom   | 2002      | lyon    | mds1
Reception |          |           |          | reception@xivo.solutions   |                   | 0199000000          | test   |                | phone    | 1008      | default | default
";

/// The rest, in which `{login}` stands for the user's id. The rights name these queues.
fn requests(queues: &HashMap<String, i64>) -> [(Method, &'static str, Value); 14] {
    let queue_ids = |names: &[&str]| -> Value { names.iter().filter_map(|name| queues.get(*name).copied()).collect() };
    let forward = |enabled: bool, destination: &str| json!({"enabled": enabled, "destination": destination});
    [
        (
            Method::PUT,
            "2.0/users/{jbond}/services",
            json!({
                "dndEnabled": false,
                "busy": forward(false, "1002"),
                "noanswer": forward(false, "123"),
                "unconditional": forward(false, "1001"),
            }),
        ),
        (Method::PUT, "2.0/users/{john}/services", json!({"noanswer": forward(true, "1008")})),
        (Method::PUT, "2.0/users/{aoneill}/services", json!({"unconditional": forward(true, "0639980003")})),
        (Method::PUT, "2.0/users/{jmenage}/services", json!({"dndEnabled": true})),
        (
            Method::POST,
            "1.0/rights/user/jbond",
            json!({
                "type": "supervisor",
                "data": {
                    "queueIds": queue_ids(&["sales", "support", "switchboard", "lyon"]),
                    "groupIds": [3, 1, 2],
                    "incallIds": [],
                },
            }),
        ),
        (
            Method::POST,
            "1.0/rights/user/jmenage",
            json!({
                "type": "teacher",
                "data": {"queueIds": queue_ids(&["switchboard"]), "groupIds": [], "incallIds": []},
            }),
        ),
        (Method::POST, "1.0/rights/user/jurbain", json!({"type": "admin"})),
        (
            Method::POST,
            "2.0/users/{aoneill}/preferences/preferred_device",
            json!({"value": "phone", "value_type": "String"}),
        ),
        (
            Method::POST,
            "2.0/users/{aoneill}/preferences/other_preference",
            json!({"value": "42", "value_type": "number"}),
        ),
        (
            Method::POST,
            "2.0/users/{jdupont}/preferences/preferred_device",
            json!({"value": "webrtc", "value_type": "String"}),
        ),
        (Method::PUT, "1.0/sip/ice_servers", json!({"stun_address": "stun:stun.l.google.com:19302"})),
        (
            Method::POST,
            "2.0/meetingrooms",
            json!({"name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234}),
        ),
        (
            Method::POST,
            "2.0/meetingrooms",
            json!({"name": "myConfRoom2", "displayName": "My Conf Room 2", "number": 1051}),
        ),
        (
            Method::POST,
            "2.0/meetingrooms",
            json!({"name": "standup", "displayName": "Daily stand-up", "number": 1052, "userPin": "0420"}),
        ),
    ]
}

/// What the set needs of the services' settings, where nobody has chosen otherwise: sound files in the folder `home`, and a default
/// queue.
pub(crate) fn settings(home: &Path) -> Result<Vec<(String, String)>> {
    let mut chosen = Vec::new();
    if settings::optional("SOUNDS_DIR").is_none() {
        let folder = std::path::absolute(home.join("sounds"))?;
        sounds::create_once(&folder)?;
        chosen.push(("SOUNDS_DIR".to_owned(), folder.display().to_string()));
    }
    if settings::optional("DEFAULT_DISSUASION_QUEUE").is_none() {
        chosen.push(("DEFAULT_DISSUASION_QUEUE".to_owned(), queues::DEFAULT.to_owned()));
    }
    Ok(chosen)
}

/// Loads the set through the API, unless `marker` says that this was done before. What a start that was killed half-way has left
/// is completed.
pub(crate) async fn load_once(url: &str, token: &str, marker: &Path) -> Result<()> {
    if marker.exists() {
        return Ok(());
    }
    let api = Api { client: reqwest::Client::new(), url, token };
    for (path, name, display_name) in CATALOGUES {
        api.ask(Method::POST, path, &json!({"name": name, "displayName": display_name})).await?;
    }
    let mut users = HashMap::new();
    for user in rows(USERS) {
        let id = api.have_user(&user).await?;
        if let Some(login) = user.get("login").and_then(Value::as_str) {
            users.insert(login.to_owned(), id);
        }
    }
    let queues = queues::have_queues(&api).await?;
    queues::have_agents_and_dissuasions(&api, &queues, &users).await?;
    for (method, path, body) in requests(&queues) {
        let path = users
            .iter()
            .fold(path.to_owned(), |path, (login, id)| path.replace(&format!("{{{login}}}"), &id.to_string()));
        api.ask(method, &path, &body).await?;
    }
    callbacks::have_callbacks(&api, &queues).await?;
    fs::write(marker, "")?;
    Ok(())
}

/// Each line of a table as an object, without what is empty. The first line names the members.
fn rows(table: &'static str) -> impl Iterator<Item = Map<String, Value>> {
    let mut lines = table.trim().lines().map(|line| line.split('|').map(str::trim));
    let names: Vec<_> = lines.next().into_iter().flatten().collect();
    lines.map(move |cells| {
        let given = names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        let members = given.map(|(&name, cell)| {
            let value = if name == "labels" { cell.split(',').collect() } else { Value::from(cell) };
            (name.to_owned(), value)
        });
        members.collect()
    })
}

struct Api<'a> {
    client: reqwest::Client,
    url: &'a str,
    token: &'a str,
}

impl Api<'_> {
    /// What is answered; null where there is no body, where what was to be created is there already or its extension another user's,
    /// and where a directory that somebody has chosen lacks our sound files.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/configmgt/api/{path}", self.url);
        let answer = self.client.request(method, url).header("X-Auth-Token", self.token).json(body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        if matches!(value["error"].as_str(), Some("Duplicate" | "LineNotFound" | "FileNotFound")) {
            return Ok(Value::Null);
        }
        Err(format!("the demo set cannot be loaded: {path}: {status} {text}").into())
    }

    /// Creates the user and its line, where they are not there; gives the user's id.
    async fn have_user(&self, user: &Map<String, Value>) -> Result<i64> {
        let text = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default();
        let full_name = format!("{} {}", text("firstname"), text("lastname"));
        let filter = json!({"field": "fullName", "operator": "=", "value": full_name.trim()});
        let found = self.ask(Method::POST, "2.0/users/find", &json!({"filters": [filter]})).await?;
        let mut known = found["list"][0].clone();
        // User and line each take their own fields of these and ignore the others.
        let fields = Value::from(user.clone());
        if known.is_null() {
            known = self.ask(Method::POST, "2.0/users", &fields).await?;
        }
        let id = known["id"].as_i64().ok_or_else(|| format!("the user {full_name} has no id"))?;
        if known.get("lineType").is_none() {
            self.ask(Method::POST, &format!("2.0/users/{id}/line"), &fields).await?;
        }
        Ok(id)
    }
}

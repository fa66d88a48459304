//! `cargo run`: the program itself, started, stopped, killed and started again.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::HashMap,
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use configmgt_stack::{Output, Process, scratch};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A folder for the data, with the servers' programs already in it, that disappears with this value.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let home = env::temp_dir().join(format!("configmgt-launcher-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&home).unwrap();
        let nats_server = scratch::tools().unwrap().nats_server;
        let tools = nats_server.ancestors().find(|folder| folder.ends_with("tools"));
        // Where the machine's own servers are used there is nothing to share.
        if let Some(tools) = tools {
            std::os::unix::fs::symlink(tools, home.join("tools")).unwrap();
        }
        Self(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

struct Launched {
    process: Process,
    lines: Mutex<mpsc::Receiver<String>>,
    address: String,
}

impl Launched {
    fn start(home: &Home) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self::on(home, address)
    }

    fn on(home: &Home, address: String) -> Self {
        // Whatever the shell has set for a server of its own must not lead there.
        Self::with(home, address, &[("DATABASE_URL", ""), ("NATS_URL", ""), ("PLAY_AUTH_TOKEN", "")])
    }

    /// From a shell that has read the file `env` of an earlier start.
    fn after_reading_env(home: &Home) -> Self {
        let environment = fs::read_to_string(home.0.join("env")).unwrap();
        let variables = environment.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let variables: Vec<_> = variables.map(|(name, value)| (name, value.trim_matches('\''))).collect();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self::with(home, address, &variables)
    }

    fn with(home: &Home, address: String, environment: &[(&str, &str)]) -> Self {
        let (send, lines) = mpsc::channel();
        let output = Output::Lines(Arc::new(move |line| {
            // Nobody reads on after the last test step.
            let _ = send.send(line.to_owned());
        }));
        let own = [("CONFIGMGT_DATA_DIR", home.0.to_str().unwrap()), ("CONFIGMGT_LISTEN", &address)];
        let settings = own.into_iter().chain(environment.iter().copied());
        let program = Path::new(env!("CARGO_BIN_EXE_configmgt"));
        let process = Process::spawn("configmgt", program, [] as [&str; 0], settings, &output).unwrap();
        Self { process, lines: Mutex::new(lines), address }
    }

    /// The first line that contains `text`.
    fn line(&self, text: &str) -> String {
        let lines = self.lines.lock().unwrap();
        let mut seen = Vec::new();
        loop {
            match lines.recv_timeout(Duration::from_mins(1)) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no line with '{text}': {error}\n{}", seen.join("\n")),
            }
        }
    }

    fn ready(self) -> Self {
        self.line("The configuration server is ready.");
        self
    }

    async fn rooms(&self, home: &Home) -> Value {
        self.get(home, "2.0/meetingrooms").await
    }

    async fn get(&self, home: &Home, path: &str) -> Value {
        self.request(home, Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    async fn delete(&self, home: &Home, path: &str) {
        let answer = self.request(home, Method::DELETE, path).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}");
    }

    fn request(&self, home: &Home, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/configmgt/api/{path}", self.address);
        reqwest::Client::new().request(method, url).header("X-Auth-Token", token(home))
    }

    /// The process ids of its children by what they are: `meetingroom`, `edge`, ...
    fn children(&self) -> HashMap<String, u32> {
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let own = processes.filter_map(|pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let parent: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            (parent == self.process.pid()).then_some((command.split('\0').nth(1)?.to_owned(), pid))
        });
        own.collect()
    }
}

/// What the shell would read from the file `env`.
fn token(home: &Home) -> String {
    let environment = fs::read_to_string(home.0.join("env")).unwrap();
    let token = environment.lines().find_map(|line| line.strip_prefix("export PLAY_AUTH_TOKEN='")).unwrap();
    token.trim_end_matches('\'').to_owned()
}

#[tokio::test]
async fn the_first_start_has_a_demo_set_and_the_second_one_finds_the_data_again() {
    let home = Home::new();
    let first = Launched::start(&home).ready();
    let demo = json!([
        {"id": 1, "name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234},
        {"id": 2, "name": "myConfRoom2", "displayName": "My Conf Room 2", "number": 1051},
        {"id": 3, "name": "standup", "displayName": "Daily stand-up", "number": 1052, "userPin": "0420"},
    ]);
    assert_eq!(first.rooms(&home).await, demo);
    first.delete(&home, "2.0/meetingrooms/2").await;
    let users = first.get(&home, "2.0/users").await;
    assert_eq!(users.as_array().unwrap().len(), 12);
    let children = first.children();
    assert!(first.process.stop(Duration::from_secs(40)).unwrap().success());
    for (name, pid) in children {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{name} is still there");
    }

    let second = Launched::after_reading_env(&home).ready();
    assert_eq!(second.rooms(&home).await, json!([demo[0], demo[2]]));
    assert_eq!(second.get(&home, "2.0/users").await, users);
    assert!(second.process.stop(Duration::from_secs(40)).unwrap().success());
}

#[tokio::test]
async fn the_demo_set_answers_what_the_documents_of_xivo_ask() {
    let home = Home::new();
    let launched = Launched::start(&home).ready();

    let mut line = launched.get(&home, "2.0/users/1/line").await;
    let provisioning = line["provisioningId"].take();
    assert_eq!(line["name"].take().as_str().unwrap().len(), 8);
    let expected = json!({
        "id": 1, "lineType": "phone", "context": "default", "extension": "1000", "site": "default", "name": null,
        "lineNum": 1, "provisioningId": null,
    });
    assert_eq!(line, expected);
    let filter = json!({"field": "phoneNumber", "operator": "=", "value": "1000", "order": "ASC"});
    let find = launched.request(&home, Method::POST, "2.0/users/find").json(&json!({"filters": [filter]}));
    let found: Value = find.send().await.unwrap().json().await.unwrap();
    let listed = json!({
        "id": 1, "fullName": "James Bond", "provisioning": provisioning, "lineType": "phone", "phoneNumber": "1000",
        "entity": "Test", "mdsName": "default", "mdsDisplayName": "MDS Main", "labels": ["blue", "green", "red"],
    });
    assert_eq!(found, json!({"total": 1, "list": [listed]}));

    let contact = json!({
        "firstname": "toto", "lastname": "user", "email": "t.user@xivo.solutions", "mobilephoneNumber": "1000",
        "internalphonenumber": "9999", "labels": ["red", "green", "blue"], "externalphonenumber": "2000",
    });
    assert_eq!(launched.get(&home, "2.0/users/ascontact").await[6], contact);
    let off = |destination: &str| json!({"enabled": false, "destination": destination});
    let services =
        json!({"dndEnabled": false, "busy": off("1002"), "noanswer": off("123"), "unconditional": off("1001")});
    assert_eq!(launched.get(&home, "2.0/users/1/services").await, services);
    let right = json!({
        "type": "supervisor",
        "data": {
            "queueIds": [3, 2, 1, 7], "groupIds": [3, 1, 2], "incallIds": [], "recordingAccess": true,
            "dissuasionAccess": false,
        },
    });
    assert_eq!(launched.get(&home, "1.0/rights/user/jbond").await, right);
    let profiles = json!([
        {"name": "Bond", "firstname": "James", "login": "jbond", "profile": "supervisor"},
        {"name": "Ménage", "firstname": "Jean", "login": "jmenage", "profile": "teacher"},
        {"name": "Urbain", "firstname": "Jocelyn", "login": "jurbain", "profile": "admin"},
    ]);
    assert_eq!(launched.get(&home, "1.0/users").await, profiles);
    let preferences = json!([
        {"key": "preferred_device", "value": "phone", "value_type": "String"},
        {"key": "other_preference", "value": "42", "value_type": "number"},
    ]);
    assert_eq!(launched.get(&home, "2.0/users/3/preferences").await, preferences);
    let john = launched.get(&home, "1.0/agent_config/1").await;
    let place = |queue: &str, id: i32, penalty: i32| {
        json!({
            "queue_name": queue, "queue_id": id, "interface": "Agent/1001", "penalty": penalty, "commented": 0,
            "usertype": "Agent", "userid": 1, "channel": "Agent", "category": "Queue", "position": 1,
        })
    };
    let expected = json!({
        "id": 1, "firstname": "John", "lastname": "Doe", "number": "1001", "context": "default",
        "member": [place("sales", 3, 1), place("orders", 6, 2)], "numgroup": 1, "userid": 2,
    });
    assert_eq!(john, expected);
    let dissuasion = json!({"type": "soundFile", "value": {"soundFile": "sales_audio_file"}});
    let sales = json!({"id": 3, "name": "sales", "dissuasion": dissuasion});
    assert_eq!(launched.get(&home, "1.0/queue/3/dissuasion").await, sales);
    let available = json!({
        "id": 3, "name": "sales",
        "dissuasions": {
            "soundFiles": [{"soundFile": "sales_audio_file"}, {"soundFile": "sales_audio_file_2"}],
            "queues": [{"queueName": "switchboard"}],
        },
    });
    assert_eq!(launched.get(&home, "1.0/queue/3/dissuasions").await, available);
    let findings = launched.get(&home, "2.0/lint").await;
    let found: Vec<_> =
        findings.as_array().unwrap().iter().map(|finding| [&finding["objectType"], &finding["objectId"]]).collect();
    assert_eq!(json!(found), json!([["agent", "6"], ["sound_file", "welcome"]]));
    let ice_servers = json!({"stun_address": "stun:stun.l.google.com:19302"});
    assert_eq!(launched.get(&home, "1.0/sip/ice_servers").await, ice_servers);
    let john = json!({"username": "john", "password": "doe"});
    let validation = launched.request(&home, Method::POST, "2.0/user/validate").json(&john);
    assert_eq!(validation.send().await.unwrap().status(), 204);
    assert!(launched.process.stop(Duration::from_secs(40)).unwrap().success());
}

#[tokio::test]
async fn a_demo_set_that_was_loaded_half_way_is_completed() {
    let home = Home::new();
    let first = Launched::start(&home).ready();
    let users = first.get(&home, "2.0/users").await;
    let profiles = first.get(&home, "1.0/users").await;
    let rooms = first.rooms(&home).await;
    // A line without random parts: it comes back as it was.
    assert_eq!(users[10]["lineType"], "custom");
    first.delete(&home, "2.0/users/11/line").await;
    first.delete(&home, "1.0/rights/user/jurbain").await;
    fs::remove_file(home.0.join("demo-loaded")).unwrap();
    first.process.kill().unwrap();
    first.process.wait().await;

    let second = Launched::start(&home).ready();
    assert_eq!(second.get(&home, "2.0/users").await, users);
    assert_eq!(second.get(&home, "1.0/users").await, profiles);
    assert_eq!(second.rooms(&home).await, rooms);
    assert!(second.process.stop(Duration::from_secs(40)).unwrap().success());
}

#[tokio::test]
async fn a_killed_start_leaves_nothing_in_the_way_of_the_next_one() {
    let home = Home::new();
    let first = Launched::start(&home).ready();
    let before = first.rooms(&home).await;
    let address = first.address.clone();
    first.process.kill().unwrap();
    first.process.wait().await;
    // The very same address: nothing of the first start may hold it for long.
    while TcpListener::bind(&address).is_err() {
        tokio::task::yield_now().await;
    }
    let second = Launched::on(&home, address).ready();
    assert_eq!(second.rooms(&home).await, before);
    assert!(second.process.stop(Duration::from_secs(40)).unwrap().success());
}

#[tokio::test]
async fn a_process_that_dies_is_started_again() {
    let home = Home::new();
    let launched = Launched::start(&home).ready();
    let service = launched.children()["meetingroom"].to_string();
    assert!(tokio::process::Command::new("kill").args(["-9", &service]).status().await.unwrap().success());
    assert!(launched.line("meetingroom ended").contains("is started again"));
    while launched.rooms(&home).await.get("error").is_some() {
        tokio::task::yield_now().await;
    }
    assert!(launched.process.stop(Duration::from_secs(40)).unwrap().success());
}

#[tokio::test]
async fn a_second_start_on_the_same_data_and_a_taken_address_are_refused_by_name() {
    let home = Home::new();
    let first = Launched::start(&home).ready();
    let second = Launched::start(&home);
    assert!(second.line("another start is using").contains("CONFIGMGT_DATA_DIR"));
    assert!(!second.process.wait().await.success());

    let elsewhere = Home::new();
    let third = Launched::on(&elsewhere, first.address.clone());
    assert!(third.line("cannot listen on").contains("CONFIGMGT_LISTEN"));
    assert!(!third.process.wait().await.success());
    assert!(first.process.stop(Duration::from_secs(40)).unwrap().success());
}

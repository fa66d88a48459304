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
        let rooms = reqwest::Client::new().get(self.url()).header("X-Auth-Token", token(home));
        rooms.send().await.unwrap().json().await.unwrap()
    }

    fn url(&self) -> String {
        format!("http://{}/configmgt/api/2.0/meetingrooms", self.address)
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
    let deletion = reqwest::Client::new().delete(format!("{}/2", first.url())).header("X-Auth-Token", token(&home));
    assert_eq!(deletion.send().await.unwrap().status(), 200);
    let children = first.children();
    assert!(first.process.stop(Duration::from_secs(40)).unwrap().success());
    for (name, pid) in children {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{name} is still there");
    }

    let second = Launched::after_reading_env(&home).ready();
    assert_eq!(second.rooms(&home).await, json!([demo[0], demo[2]]));
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

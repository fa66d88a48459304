//! A product of its own for each test.

use std::{env, fs, sync::Arc};

use configmgt_stack::{
    Nats, Output, Process,
    databases::Database,
    product::{self, Bus, EDGE, Site},
    scratch,
};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};

/// The token that every test shows.
pub(crate) const TOKEN: &str = "a token for tests";

/// A started product. It ends with this value.
pub(crate) struct Running {
    pub(crate) edge: Process,
    pub(crate) services: Vec<Process>,
    pub(crate) site: Site,
    pub(crate) nats: Nats,
    pub(crate) client: Client,
    /// What the processes wrote to their logs.
    pub(crate) log: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with_settings(&[]).await
    }

    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        let Database { owner, accounts } = Database::create().await.unwrap();
        let nats = scratch::nats(&accounts.nats_config()).unwrap();
        let (lines, log) = mpsc::unbounded_channel();
        let site = Site {
            program: env!("CARGO_BIN_EXE_configmgt-under-test").into(),
            accounts,
            database: owner,
            nats: Bus::Private(format!("127.0.0.1:{}", nats.port())),
            listen: "127.0.0.1:0".to_owned(),
            token: TOKEN.to_owned(),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            output: Output::Lines(Arc::new(move |line| {
                // Nobody reads the log of a test that has ended.
                let _ = lines.send(line.to_owned());
            })),
        };
        let services = product::services().map(|name| site.spawn(name).unwrap()).collect();
        let edge = site.spawn(EDGE).unwrap();
        let mut running = Self { edge, services, site, nats, client: Client::new(), log: Mutex::new(log) };
        running.site.listen = running.line("listening", |line| line["address"].as_str().map(str::to_owned)).await;
        running.ready().await;
        running
    }

    /// What `wanted` finds in the first log line with this message.
    pub(crate) async fn line<T>(&self, message: &str, mut wanted: impl FnMut(&Value) -> Option<T>) -> T {
        let mut log = self.log.lock().await;
        loop {
            let line = log.recv().await.unwrap();
            let Ok(line) = serde_json::from_str::<Value>(&line) else { panic!("no JSON: {line}") };
            if line["message"] == message
                && let Some(found) = wanted(&line)
            {
                return found;
            }
        }
    }

    pub(crate) async fn ready(&self) {
        while !self.client.get(self.url("/readyz")).send().await.unwrap().status().is_success() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.site.listen)
    }

    /// Sends a request below the API's base, and gives status and body.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let url = self.url(&format!("/configmgt/api/{path}"));
        let request = self.client.request(method.parse::<Method>().unwrap(), url).header("X-Auth-Token", TOKEN);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().await.unwrap()
    }

    pub(crate) fn service(&self, name: &str) -> &Process {
        self.services.iter().find(|service| service.name() == name).unwrap()
    }

    /// Adds rooms `1..=count` without the API, as the database's owner.
    pub(crate) async fn insert_rooms(&self, count: i32) {
        let pool = sqlx::PgPool::connect_with(self.site.database.clone()).await.unwrap();
        sqlx::query(
            "INSERT INTO meetingroom.meetingroom (name, display_name, number, user_pin)
             SELECT 'room' || i, 'Meeting room number ' || i, 100000 + i, 1000 + i FROM generate_series(1, $1) i",
        )
        .bind(count)
        .execute(&pool)
        .await
        .unwrap();
        pool.close().await;
    }
}

/// The largest resident memory a process has had since [`forget_peak`], in KiB.
pub(crate) fn peak_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Makes the present resident memory of a process its peak.
pub(crate) fn forget_peak(process: &Process) {
    fs::write(format!("/proc/{}/clear_refs", process.pid()), "5").unwrap();
}

/// How often a test repeats what it repeats: the given number, or what the variable says for a longer campaign.
pub(crate) fn times(variable: &str, usual: u32) -> u32 {
    env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(usual)
}

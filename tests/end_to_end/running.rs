//! A product of its own for each test.

use std::{env, fs, sync::Arc};

use configmgt_stack::{
    Nats, Output, Process,
    databases::Database,
    port,
    product::{self, Bus, EDGE, OPERATOR, Site},
    scratch,
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::{Mutex, mpsc};

use crate::observed::{Events, all_published};

/// The token that every test shows.
pub(crate) const TOKEN: &str = "a token for tests";

/// What is sent, and the whole of what is answered. An answer without a body is an empty text.
pub(crate) struct Exchange(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Option<Value>,
    pub(crate) u16,
    pub(crate) Value,
);

/// A started product. It ends with this value.
pub(crate) struct Running {
    pub(crate) edge: Process,
    pub(crate) services: Vec<Process>,
    pub(crate) site: Site,
    pub(crate) nats: Nats,
    pub(crate) client: Client,
    /// What the processes wrote to their logs.
    pub(crate) log: Mutex<mpsc::UnboundedReceiver<String>>,
    pub(crate) events: Events,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with_settings(&[]).await
    }

    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> Self {
        Self::on(Database::create().await.unwrap(), settings).await
    }

    pub(crate) async fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        let Database { owner, accounts } = database;
        let nats = scratch::nats(&accounts.nats_config()).unwrap();
        let (lines, log) = mpsc::unbounded_channel();
        let site = Site {
            program: env!("CARGO_BIN_EXE_configmgt-under-test").into(),
            accounts,
            database: owner,
            nats: Bus::Private(format!("127.0.0.1:{}", nats.port())),
            // Known from the start, so that an edge that is killed comes back where its clients look for it.
            listen: format!("127.0.0.1:{}", port::free().unwrap()),
            token: TOKEN.to_owned(),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            output: Output::Lines(Arc::new(move |line| {
                // Nobody reads the log of a test that has ended.
                let _ = lines.send(line.to_owned());
            })),
        };
        let services = product::services().map(|name| site.spawn(name).unwrap()).collect();
        let edge = site.spawn(EDGE).unwrap();
        let (client, log) = (Client::new(), Mutex::new(log));
        let events = Events::default();
        let mut running = Self { edge, services, site, nats, client, log, events };
        running.ready().await;
        // What a new installation begins with is no news.
        all_published(&running).await;
        running.events = Events::watch(&running).await;
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
        loop {
            // An edge that was just started does not listen yet.
            let answer = self.client.get(self.url("/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.site.listen)
    }

    /// The bus, as somebody who may do everything.
    pub(crate) async fn bus(&self) -> async_nats::Client {
        self.bus_as(OPERATOR).await
    }

    pub(crate) async fn bus_as(&self, account: &str) -> async_nats::Client {
        let url = self.site.nats_url(account);
        let (user, password) = url.trim_start_matches("nats://").split_once('@').unwrap().0.split_once(':').unwrap();
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        let options = options.custom_inbox_prefix(format!("_INBOX.{account}"));
        options.connect(format!("127.0.0.1:{}", self.nats.port())).await.unwrap()
    }

    /// The database, as the owner of its schemas.
    pub(crate) async fn database(&self) -> PgPool {
        PgPool::connect_with(self.site.database.clone()).await.unwrap()
    }

    /// Starts one more instance of the meetingroom service, and waits until it listens.
    pub(crate) async fn another_meetingroom(&self) -> Process {
        self.meetingroom_with(&[]).await
    }

    /// The same with more settings.
    pub(crate) async fn meetingroom_with(&self, settings: &[(&str, &str)]) -> Process {
        let mut site = self.site.clone();
        site.settings.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // What the earlier ones said is not what this one says.
        let mut log = self.log.lock().await;
        while log.try_recv().is_ok() {}
        drop(log);
        let process = site.spawn("meetingroom").unwrap();
        self.line("listening on the bus", |line| (line["service"] == "meetingroom").then_some(())).await;
        process
    }

    /// Takes the meetingroom service that was started with the product, to stop or to kill it.
    pub(crate) fn take_meetingroom(&mut self) -> Process {
        let place = self.services.iter().position(|service| service.name() == "meetingroom").unwrap();
        self.services.remove(place)
    }

    /// Sends each request, and compares the whole of its answer.
    pub(crate) async fn answers(&self, exchanges: impl IntoIterator<Item = Exchange>) {
        for Exchange(method, path, body, status, answer) in exchanges {
            let said = format!("{method} {path} {body:?}");
            assert_eq!(self.ask(method, path, body).await, (status, answer), "{said}");
        }
    }

    /// Sends a request below the API's base, and gives status and body.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        self.request(method, path, body).send().await.unwrap()
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: Option<Value>) -> RequestBuilder {
        let url = self.url(&format!("/configmgt/api/{path}"));
        let request = self.client.request(method.parse::<Method>().unwrap(), url).header("X-Auth-Token", TOKEN);
        if let Some(body) = body { request.json(&body) } else { request }
    }

    pub(crate) fn service(&self, name: &str) -> &Process {
        self.services.iter().find(|service| service.name() == name).unwrap()
    }

    /// Adds rooms `1..=count` without the API, as the database's owner.
    pub(crate) async fn insert_rooms(&self, count: i32) {
        self.insert(&format!(
            "INSERT INTO meetingroom.meetingroom (name, display_name, number, user_pin)
             SELECT 'room' || i, 'Meeting room number ' || i, 100000 + i, 1000 + i FROM generate_series(1, {count}) i"
        ))
        .await;
    }

    /// Creates users: first name, last name and login, by their ids from 1 on.
    pub(crate) async fn create_users(&self, users: &[(&str, &str, &str)]) {
        for (firstname, lastname, login) in users {
            let user = json!({"firstname": firstname, "lastname": lastname, "login": login});
            let (status, created) = self.ask("POST", "2.0/users", Some(user)).await;
            assert_eq!(status, 201, "{created}");
        }
    }

    /// Adds users `1..=count` with their lines, in the same way.
    pub(crate) async fn insert_users(&self, count: i32) {
        self.insert(&format!(
            "INSERT INTO users.users (firstname, lastname, login, email)
             SELECT 'Firstname' || i, 'Lastname', 'user' || i, 'user' || i || '@xivo.solutions'
             FROM generate_series(1, {count}) i;
             INSERT INTO users.line (user_id, line_type, context, extension, site, name, line_num)
             SELECT i, 'sccp', 'default', i::text, 'default', i::text, 1 FROM generate_series(1, {count}) i"
        ))
        .await;
    }

    /// Adds what stands for objects that have long been there: their creation is no news.
    pub(crate) async fn insert(&self, statements: &str) {
        let pool = self.database().await;
        let statements = format!("SET session_replication_role = replica; {statements}");
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&pool).await.unwrap();
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

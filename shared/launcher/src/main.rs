//! `cargo run`: the whole product on this machine, with a private PostgreSQL and nats-server.
//!
//! With the name of a process (`edge`, `meetingroom`, ...) as its argument it is that process.

mod demo;

use std::{
    env,
    fs::{self, File, TryLockError},
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use configmgt_contract::{BoxError, chain};
use configmgt_process::{settings, shutdown};
use configmgt_stack::{
    Nats, NatsOptions, Output, Postgres, PostgresOptions, Process, Tools, home,
    product::{self, Accounts, Bus, DATABASE, EDGE, OPERATOR, Site},
};
use tokio::{sync::watch, task::JoinSet, time::sleep};

type Result<T> = std::result::Result<T, BoxError>;

/// How long the product may take to answer its readiness.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How long a process may take to finish what it is doing.
const STOP_WITHIN: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    if let Some(code) = env::args().nth(1).and_then(|name| configmgt_launcher::process(&name)) {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    let home = home();
    fs::create_dir_all(&home).map_err(|error| format!("the folder {} cannot be created: {error}", home.display()))?;
    let _claim = claim(&home)?;
    let listen = settings::parsed("CONFIGMGT_LISTEN", "127.0.0.1:9100".to_owned())?;
    TcpListener::bind(&listen)
        .map_err(|error| format!("cannot listen on {listen}: {error}; choose another address with CONFIGMGT_LISTEN"))?;
    let accounts = Accounts::kept(&home.join("accounts"))?;
    let servers = Servers::start(&home, &accounts)?;
    let site = Site {
        program: env::current_exe()?,
        token: settings::optional("PLAY_AUTH_TOKEN").unwrap_or_else(|| accounts.token().to_owned()),
        database: servers.database.parse().map_err(product::ProductError::DatabaseUrl)?,
        nats: servers.bus.clone(),
        listen,
        accounts,
        // Nothing invented belongs beside somebody's own database.
        settings: if servers.postgres.is_some() { demo::settings(&home)? } else { Vec::new() },
        output: Output::Inherit,
    };
    site.prepare_database().await?;
    let stop = shutdown::requested();
    tokio::pin!(stop);
    let supervised = Supervised::start(Arc::new(site.clone()));
    let url = format!("http://{}", site.listen.replace("0.0.0.0:", "127.0.0.1:"));
    let opening = async {
        ready(&url).await?;
        if servers.postgres.is_some() {
            demo::load_once(&url, &site.token, &home.join("demo-loaded")).await?;
        }
        write_environment(&home, &site, &servers.database, &url)?;
        announce(&home, &site, &url);
        Ok::<_, BoxError>(())
    };
    let outcome = tokio::select! {
        opened = opening => match opened {
            Ok(()) => stop.await.map_err(Into::into),
            Err(error) => Err(error),
        },
        stopped = &mut stop => stopped.map_err(Into::into),
    };
    say("Stopping");
    supervised.stop().await;
    drop(servers);
    outcome
}

/// Two starts on one folder would share their data: the second one is refused.
fn claim(home: &Path) -> Result<File> {
    let path = home.join("lock");
    let file = File::options().create(true).append(true).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(format!("another start is using {}; choose another folder with CONFIGMGT_DATA_DIR", home.display())
                .into())
        }
        Err(TryLockError::Error(error)) => Err(format!("{} cannot be locked: {error}", path.display()).into()),
    }
}

/// The servers the product stands on: private ones, or those that `DATABASE_URL` and `NATS_URL` name.
struct Servers {
    postgres: Option<Postgres>,
    /// Held, because the server ends with it.
    _nats: Option<Nats>,
    database: String,
    bus: Bus,
}

impl Servers {
    fn start(home: &Path, accounts: &Accounts) -> Result<Self> {
        let (given_database, given_bus) = (given(home, "DATABASE_URL"), given(home, "NATS_URL"));
        let tools =
            if given_database.is_some() && given_bus.is_some() { None } else { Some(Tools::locate(home, &say)?) };
        let tools = tools.as_ref();
        let (postgres, database) = match (given_database, tools) {
            (None, Some(tools)) => {
                say("Starting PostgreSQL");
                let postgres = Postgres::start(tools, PostgresOptions { dir: home.join("postgres"), durable: true })?;
                let url = postgres.url(DATABASE);
                (Some(postgres), url)
            }
            (given, _) => (None, given.unwrap_or_default()),
        };
        let (nats, bus) = match (given_bus, tools) {
            (None, Some(tools)) => {
                say("Starting nats-server");
                let options = NatsOptions { dir: home.join("nats"), durable: true, config: accounts.nats_config() };
                let nats = Nats::start(tools, options)?;
                let address = format!("127.0.0.1:{}", nats.port());
                (Some(nats), Bus::Private(address))
            }
            (given, _) => (None, Bus::Given(given.unwrap_or_default())),
        };
        Ok(Self { postgres, _nats: nats, database, bus })
    }
}

/// The product's processes, each one started again when it ends by itself.
struct Supervised {
    stop_edge: watch::Sender<bool>,
    stop_services: watch::Sender<bool>,
    edge: JoinSet<()>,
    services: JoinSet<()>,
}

impl Supervised {
    fn start(site: Arc<Site>) -> Self {
        let (stop_edge, stopping_edge) = watch::channel(false);
        let (stop_services, stopping_services) = watch::channel(false);
        let mut services = JoinSet::new();
        for name in product::services() {
            services.spawn(supervise(Arc::clone(&site), name, stopping_services.clone()));
        }
        let mut edge = JoinSet::new();
        edge.spawn(supervise(site, EDGE, stopping_edge));
        Self { stop_edge, stop_services, edge, services }
    }

    /// The edge first: while it finishes its requests it needs the services.
    async fn stop(mut self) {
        self.stop_edge.send_replace(true);
        while self.edge.join_next().await.is_some() {}
        self.stop_services.send_replace(true);
        while self.services.join_next().await.is_some() {}
    }
}

async fn supervise(site: Arc<Site>, name: &'static str, mut stopping: watch::Receiver<bool>) {
    let mut pause = Duration::from_millis(200);
    loop {
        let began = Instant::now();
        match site.spawn(name) {
            Ok(process) => {
                let ended = tokio::select! {
                    status = process.wait() => Some(status),
                    _ = stopping.changed() => None,
                };
                let Some(ended) = ended else { return end(process).await };
                say(&format!("{name} ended ({ended}) and is started again"));
            }
            Err(error) => say(&format!("{name} cannot be started: {error}")),
        }
        if began.elapsed() > Duration::from_secs(10) {
            pause = Duration::from_millis(200);
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(Duration::from_secs(5)),
            _ = stopping.changed() => return,
        }
    }
}

async fn end(process: Process) {
    let ending = tokio::task::spawn_blocking(move || process.stop(STOP_WITHIN).map_err(|error| error.to_string()));
    if let Ok(Err(error)) = ending.await {
        say(&error);
    }
}

async fn ready(url: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let reason = match reqwest::get(format!("{url}/readyz")).await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => answer.text().await?,
            Err(error) => error.to_string(),
        };
        if began.elapsed() > READY_WITHIN {
            return Err(format!("the product did not become ready: {reason}").into());
        }
        sleep(Duration::from_millis(25)).await;
    }
}

/// What a shell needs to work with the running product: `. <data folder>/env`.
fn write_environment(home: &Path, site: &Site, database: &str, url: &str) -> Result<PathBuf> {
    let path = home.join("env");
    let variables = [
        ("CONFIGMGT_URL", url),
        ("PLAY_AUTH_TOKEN", &site.token),
        ("DATABASE_URL", database),
        ("NATS_URL", &site.nats_url(OPERATOR)),
    ];
    let lines = variables.map(|(name, value)| exported(name, value));
    product::write_private(&path, &lines.concat())?;
    Ok(path)
}

fn exported(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', "'\\''"))
}

/// A server's URL from the environment. What an earlier start wrote for the shell is not somebody's choice: it names a private
/// server, which this start is to run itself.
fn given(home: &Path, name: &str) -> Option<String> {
    let url = settings::optional(name)?;
    let written = fs::read_to_string(home.join("env")).unwrap_or_default();
    (!written.contains(&exported(name, &url))).then_some(url)
}

fn announce(home: &Path, site: &Site, url: &str) {
    println!(
        "
The configuration server is ready.

  Swagger UI  {url}/configmgt/api
  Token       {token}
  Try         curl -H 'X-Auth-Token: {token}' {url}/configmgt/api/2.0/meetingrooms
  Shell       . {home}/env

Stop it with Ctrl-C.
",
        token = site.token,
        home = home.display(),
    );
}

fn say(line: &str) {
    eprintln!("configmgt: {line}");
}

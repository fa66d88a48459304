//! Servers for tests: empty, not durable, in temporary folders that disappear with them.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::{Error, Nats, NatsOptions, Postgres, PostgresOptions, Tools, home, random};

/// Both servers.
#[derive(Debug)]
pub struct TestServers {
    /// An empty PostgreSQL.
    pub postgres: Postgres,
    /// An empty nats-server.
    pub nats: Nats,
}

impl TestServers {
    /// Starts both, for one test that stops or breaks them. They end when the value is dropped.
    pub fn start() -> Result<TestServers, Error> {
        // Before the threads, so that the lines about an installation come once.
        tools()?;
        thread::scope(|scope| {
            let starting = scope.spawn(postgres);
            let nats = nats("")?;
            let postgres = starting.join().map_err(|_| Error::Failed {
                what: "the thread that starts PostgreSQL".to_owned(),
                how: "panicked".to_owned(),
                log: String::new(),
            })??;
            Ok(TestServers { postgres, nats })
        })
    }

    /// The pair that the tests of one process share; they end with the process.
    pub fn shared() -> Result<&'static TestServers, &'static Error> {
        static SHARED: OnceLock<Result<TestServers, Error>> = OnceLock::new();
        SHARED.get_or_init(TestServers::start).as_ref()
    }
}

/// An empty PostgreSQL. It ends when the value is dropped.
pub fn postgres() -> Result<Postgres, Error> {
    let options = PostgresOptions { dir: folder("postgres")?, durable: false };
    Postgres::start_guarded(&tools()?, options, true)
}

/// The same, but what it has committed outlives its kill.
pub fn durable_postgres() -> Result<Postgres, Error> {
    let options = PostgresOptions { dir: folder("postgres")?, durable: true };
    Postgres::start_guarded(&tools()?, options, true)
}

/// An empty nats-server with these additions to its configuration. It ends when the value is dropped.
pub fn nats(config: &str) -> Result<Nats, Error> {
    let options = NatsOptions { dir: folder("nats")?, durable: false, config: config.to_owned() };
    Nats::start_guarded(&tools()?, options, true)
}

/// The programs, installed under [`home`] the first time.
pub fn tools() -> Result<Tools, Error> {
    // Found once per process: to fall back on this machine's programs means to try an installation first, every time.
    static FOUND: Mutex<Option<Tools>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(tools) = found.as_ref() {
        return Ok(tools.clone());
    }
    // Straight to the terminal: the test harness would keep what `eprintln` says to itself, and the first time takes a
    // while.
    let tools = Tools::locate(&home(), &|line| {
        let _ = writeln!(io::stderr(), "{line}");
    })?;
    *found = Some(tools.clone());
    Ok(tools)
}

/// The same, but what it has acknowledged outlives a crash of the machine.
pub fn durable_nats(config: &str) -> Result<Nats, Error> {
    let options = NatsOptions { dir: folder("nats")?, durable: true, config: config.to_owned() };
    Nats::start_guarded(&tools()?, options, true)
}

fn folder(kind: &str) -> Result<PathBuf, Error> {
    Ok(env::temp_dir().join(format!("configmgt-{kind}-{}", random::word()?)))
}

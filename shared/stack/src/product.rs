//! The product's own processes, as in production: the edge and each service by itself, with accounts of its own.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use configmgt_migrations::{SCHEMAS, Schema, migrate};
use configmgt_process::settings;
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{Error, Output, Process};

/// The database of a private PostgreSQL.
pub const DATABASE: &str = "configmgt";

/// The edge's name among the processes.
pub const EDGE: &str = "edge";

/// The bus's user for people and monitoring.
pub const OPERATOR: &str = "operator";

/// The bus's user for components that follow the events.
pub const SUBSCRIBER: &str = "subscriber";

const TOKEN: &str = "token";

/// Why the product cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    #[error("the accounts in {path} cannot be kept")]
    Accounts { path: PathBuf, source: io::Error },
    #[error("the URL of the database cannot be read")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error("the database cannot be created")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Migrations(#[from] configmgt_migrations::Error),
    #[error(transparent)]
    Process(#[from] Error),
}

/// The services' names, in the order of their start.
pub fn services() -> impl Iterator<Item = &'static str> {
    SCHEMAS.iter().map(|schema| schema.service)
}

/// The database role of a service.
pub(crate) fn role(service: &str) -> &'static str {
    SCHEMAS.iter().find(|schema| schema.service == service).map_or("", |schema| schema.role)
}

/// A password for each process and for the operator, used on the bus and in the database.
#[derive(Debug, Clone)]
pub struct Accounts {
    passwords: BTreeMap<String, String>,
}

impl Accounts {
    /// New ones.
    pub fn generate() -> Self {
        let mut accounts = Self { passwords: BTreeMap::new() };
        accounts.complete();
        accounts
    }

    /// Those kept in the file `path`, completed with new ones where some are missing. Only the owner can read the file.
    pub fn kept(path: &Path) -> Result<Self, ProductError> {
        let failed = |source| ProductError::Accounts { path: path.to_owned(), source };
        let kept = match fs::read_to_string(path) {
            Ok(kept) => kept,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let passwords = kept.lines().filter_map(|line| line.split_once('='));
        let passwords = passwords.map(|(name, password)| (name.to_owned(), password.to_owned()));
        let mut accounts = Self { passwords: passwords.collect() };
        if accounts.complete() {
            let lines = accounts.passwords.iter().map(|(name, password)| format!("{name}={password}"));
            let text = lines.collect::<Vec<_>>().join("\n");
            write_private(path, &text).map_err(failed)?;
        }
        Ok(accounts)
    }

    /// Whether anything was missing.
    fn complete(&mut self) -> bool {
        let before = self.passwords.len();
        for name in services().chain([EDGE, OPERATOR, SUBSCRIBER, TOKEN]) {
            self.passwords.entry(name.to_owned()).or_insert_with(|| Uuid::new_v4().simple().to_string());
        }
        self.passwords.len() > before
    }

    /// The token for clients, where none is given.
    pub fn token(&self) -> &str {
        self.password(TOKEN)
    }

    /// What a private nats-server needs to know of them.
    pub fn nats_config(&self) -> String {
        let on_the_bus = self.passwords.iter().filter(|(name, _)| *name != TOKEN);
        let passwords = on_the_bus.map(|(name, password)| {
            let variable = settings::of_service(name, "NATS_PASSWORD");
            format!("{variable}: \"{password}\"\n")
        });
        passwords.chain([include_str!("../nats-users.conf").to_owned()]).collect()
    }

    /// The schemas of the services, each with the password of its role.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&'static Schema, String)> {
        SCHEMAS.iter().map(|schema| (schema, self.password(schema.service).to_owned()))
    }

    pub(crate) fn password(&self, name: &str) -> &str {
        self.passwords.get(name).map_or("", String::as_str)
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Where the processes find what they need.
#[derive(Debug, Clone)]
pub struct Site {
    /// A program that runs as the process that its first argument names.
    pub program: PathBuf,
    pub accounts: Accounts,
    /// The database, as a role that may create others.
    pub database: PgConnectOptions,
    /// The bus, without credentials: each process gets its own.
    pub nats: Bus,
    /// Where the edge listens.
    pub listen: String,
    pub token: String,
    /// Settings for all processes, beside those that follow from the above.
    pub settings: Vec<(String, String)>,
    pub output: Output,
}

/// Whose nats-server it is.
#[derive(Debug, Clone)]
pub enum Bus {
    /// A private one, which knows the accounts; its address.
    Private(String),
    /// One that was given, with the URL for all processes.
    Given(String),
}

impl Site {
    /// Creates the database where it does not exist, and brings the schemas up to date.
    pub async fn prepare_database(&self) -> Result<(), ProductError> {
        let wanted = self.database.get_database().unwrap_or(DATABASE);
        let mut maintenance = self.database.clone().database("postgres").connect().await?;
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(wanted)
            .fetch_one(&mut maintenance)
            .await?;
        if !exists {
            let create: String = sqlx::query_scalar("SELECT format('CREATE DATABASE %I', $1)")
                .bind(wanted)
                .fetch_one(&mut maintenance)
                .await?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut maintenance).await?;
        }
        maintenance.close().await?;
        migrate(&self.database, self.accounts.schemas()).await?;
        Ok(())
    }

    /// Starts a process of the product: [`EDGE`] or one of the [`services`].
    pub fn spawn(&self, name: &str) -> Result<Process, Error> {
        Process::spawn(name, &self.program, [name], self.environment(name), &self.output)
    }

    /// The settings of a process.
    pub fn environment(&self, name: &str) -> Vec<(String, String)> {
        let mut environment = vec![("NATS_URL".to_owned(), self.nats_url(name))];
        if name == EDGE {
            environment.push(("CONFIGMGT_LISTEN".to_owned(), self.listen.clone()));
            environment.push(("PLAY_AUTH_TOKEN".to_owned(), self.token.clone()));
        } else {
            environment.push((settings::of_service(name, "DATABASE_URL"), self.database_url(name)));
        }
        environment.extend(self.settings.iter().cloned());
        environment
    }

    /// The bus with the credentials of a process, or of the [`OPERATOR`].
    pub fn nats_url(&self, name: &str) -> String {
        match &self.nats {
            Bus::Given(url) => url.clone(),
            Bus::Private(address) => format!("nats://{name}:{}@{address}", self.accounts.password(name)),
        }
    }

    /// The database with the credentials of a service.
    pub fn database_url(&self, service: &str) -> String {
        let own = self.database.clone().username(role(service)).password(self.accounts.password(service));
        own.to_url_lossy().to_string()
    }
}

//! A service's life: from its settings to its place on the bus, and back.

use std::{collections::BTreeMap, env, process::ExitCode, time::Duration};

use configmgt_bus::{Connection, Handlers, Identity, Limits, Server};
use configmgt_contract::{BoxError, changes::History as _, snapshots::Snapshots as _};
use configmgt_process::{
    settings::{self, SettingError},
    shutdown,
};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::time::sleep;
use tracing::warn;

use crate::{
    background::Background,
    connections::{Connections, in_time},
    database,
    follow::Follows,
    history::History,
    journal::{Journal, Object},
    prune,
    snapshots::Snapshots,
    sqlstate,
};

/// What distinguishes one service from another.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its name on the bus, and in its settings.
    pub name: &'static str,
    /// The process's name in logs and traces.
    pub process: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
    /// What it journals.
    pub objects: &'static [Object],
    /// What it follows of other services.
    pub follows: &'static [Follows],
    /// What its settings say of objects that nobody has set yet.
    pub initial: &'static [Initial],
    /// Adds its own operations to those that every service has. Fails where a setting of its own cannot be read.
    pub handlers: fn(Handlers, Journal) -> Result<Handlers, SettingError>,
}

/// A setting that gives an object its first value. The journal names the setting as its author.
#[derive(Clone, Copy)]
pub struct Initial {
    pub setting: &'static str,
    /// An error says why the value cannot be one.
    pub check: fn(&str) -> Result<(), String>,
    /// Stores the value, unless the object has one or had one. Runs at each start.
    pub store: for<'change> fn(&'change mut PgConnection, &'change str) -> BoxFuture<'change, sqlx::Result<()>>,
}

impl Initial {
    /// The setting's value, where it is set.
    fn value(&self) -> Result<Option<String>, SettingError> {
        let Some(value) = settings::optional(self.setting) else { return Ok(None) };
        let value = value.trim().to_owned();
        (self.check)(&value)
            .map(|()| Some(value))
            .map_err(|reason| SettingError::Malformed { name: self.setting.to_owned(), reason })
    }

    /// Tries until the database has taken it.
    async fn store(&self, journal: &Journal, value: &str) {
        while let Err(error) = in_time(self.try_to_store(journal, value)).await {
            warn!(%error, setting = self.setting, "waiting for the database");
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn try_to_store(&self, journal: &Journal, value: &str) -> sqlx::Result<()> {
        let mut change = journal.begin_as(self.setting).await?;
        (self.store)(&mut change, value).await?;
        journal.commit(change).await
    }
}

impl Description {
    /// All its operations, writing to `journal`.
    pub fn handlers(&self, journal: &Journal) -> Result<Handlers, SettingError> {
        (self.handlers)(self.common(journal), journal.clone())
    }

    /// Those that every service has.
    pub fn common(&self, journal: &Journal) -> Handlers {
        Handlers::new(self.name, sqlstate::classify)
            .with_own(History::new(journal.clone(), self.objects), History::endpoints())
            .with_own(Snapshots::new(journal.clone(), self.objects), Snapshots::endpoints())
    }
}

/// The `main` of a service. With the argument `health` it asks a running instance on this host instead.
pub fn main(description: Description) -> ExitCode {
    let asks_for_health = env::args().next_back().is_some_and(|argument| argument == "health");
    configmgt_process::run(description.process, || async move {
        if asks_for_health { health(description).await } else { serve(description).await }
    })
}

async fn serve(description: Description) -> Result<(), BoxError> {
    let Description { name, process, version, summary, initial, .. } = description;
    let stop = shutdown::requested();
    tokio::pin!(stop);
    let options = database::options(name)?;
    let keep = prune::Keep::from_settings()?;
    let initial =
        initial.iter().map(|initial| Ok((initial, initial.value()?))).collect::<Result<Vec<_>, SettingError>>()?;
    let journal = Journal::new(Connections::new(options.clone()));
    let connections = journal.connections();
    let handlers = description.handlers(&journal)?;
    let start = async {
        let connection = connect(name, process).await;
        database::answers(connections).await;
        for (initial, value) in &initial {
            if let Some(value) = value {
                initial.store(&journal, value).await;
            }
        }
        let identity = Identity {
            id: uuid::Uuid::new_v4().simple().to_string(),
            version: version.to_owned(),
            description: summary.to_owned(),
            metadata: BTreeMap::from([("host".to_owned(), host())]),
        };
        Server::start(&connection, &handlers, identity, Limits::default()).await
    };
    let server = tokio::select! {
        server = start => server?,
        stopped = &mut stop => return Ok(stopped?),
    };
    let background = Background::start(&description, &journal, options, keep);
    stop.await?;
    server.stop().await;
    background.stop().await;
    connections.close().await;
    Ok(())
}

/// Connects to NATS however long that takes: a service that waits needs nobody to start it again.
async fn connect(service: &str, process: &str) -> Connection {
    loop {
        match Connection::open(&settings::nats_url(service), process, &format!("_INBOX.{service}")).await {
            Ok(connection) => return connection,
            Err(error) => warn!(error = &error as &dyn std::error::Error, "waiting for NATS"),
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Succeeds when an instance on this host answers on the bus.
async fn health(Description { name, process, .. }: Description) -> Result<(), BoxError> {
    let connection = Connection::open(&settings::nats_url(name), process, &format!("_INBOX.{name}")).await?;
    let here = host();
    let found =
        connection.find_instance(name, Duration::from_secs(2), |instance| instance.metadata.get("host") == Some(&here));
    if found.await?.is_none() { Err(format!("no instance of {name} on {here} answers").into()) } else { Ok(()) }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

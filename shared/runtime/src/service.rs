//! A service's life: from its settings to its place on the bus, and back.

use std::{collections::BTreeMap, env, process::ExitCode, time::Duration};

use configmgt_bus::{Connection, Handlers, Identity, Limits, Server};
use configmgt_contract::BoxError;
use configmgt_process::{settings, shutdown};
use sqlx::PgPool;
use tokio::time::sleep;
use tracing::warn;

use crate::database;

/// What distinguishes one service from another.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its name on the bus, and in its settings.
    pub name: &'static str,
    /// The process's name in logs and traces.
    pub process: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
    /// Its operations over its own schema.
    pub handlers: fn(PgPool) -> Handlers,
}

/// The `main` of a service. With the argument `health` it asks a running instance on this host instead.
pub fn main(description: Description) -> ExitCode {
    let asks_for_health = env::args().next_back().is_some_and(|argument| argument == "health");
    configmgt_process::run(description.process, || async move {
        if asks_for_health { health(description).await } else { serve(description).await }
    })
}

async fn serve(description: Description) -> Result<(), BoxError> {
    let Description { name, process, version, summary, handlers } = description;
    let stop = shutdown::requested();
    tokio::pin!(stop);
    let pool = database::pool(database::options(name)?);
    let start = async {
        let connection = connect(name, process).await;
        database::answers(&pool).await;
        let identity = Identity {
            id: uuid::Uuid::new_v4().simple().to_string(),
            version: version.to_owned(),
            description: summary.to_owned(),
            metadata: BTreeMap::from([("host".to_owned(), host())]),
        };
        Server::start(&connection, &handlers(pool.clone()), identity, Limits::default()).await
    };
    let server = tokio::select! {
        server = start => server?,
        stopped = &mut stop => return Ok(stopped?),
    };
    stop.await?;
    server.stop().await;
    pool.close().await;
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

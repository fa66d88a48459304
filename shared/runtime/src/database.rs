//! A service's way to its own schema.

use std::time::Duration;

use configmgt_process::settings::{self, SettingError};
use futures_util::FutureExt;
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::{info, warn};

/// More connections than this do not make two cores faster.
const CONNECTIONS: u32 = 8;

/// How long a request waits for a connection.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(2);

/// A connection that was used a moment ago is used again without a question: the question would cost as much as the statement.
const TRUSTED: Duration = Duration::from_secs(1);

/// What no statement of a service may exceed, in PostgreSQL's own notation.
const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "5s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "10s")];

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the setting {name} is no PostgreSQL URL")]
    Url { name: String, source: sqlx::Error },
}

/// The options that `<SERVICE>_DATABASE_URL`, or else `DATABASE_URL`, gives.
pub fn options(service: &'static str) -> Result<PgConnectOptions, DatabaseError> {
    let own = settings::of_service(service, "DATABASE_URL");
    let (name, url) = match settings::optional(&own) {
        Some(url) => (own, url),
        None => ("DATABASE_URL".to_owned(), settings::required("DATABASE_URL", "where the service's database is")?),
    };
    let options = url.parse::<PgConnectOptions>().map_err(|source| DatabaseError::Url { name, source })?;
    Ok(options.application_name(service))
}

/// A pool of connections that are made when they are needed.
pub fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, usage| {
            async move { Ok(usage.idle_for < TRUSTED || connection.ping().await.is_ok()) }.boxed()
        })
        .connect_lazy_with(options.options(LIMITS))
}

/// Waits until the database answers, so that a service never listens for what it cannot do.
pub async fn answers(pool: &PgPool) {
    while let Err(error) = sqlx::query("SELECT 1").execute(pool).await {
        warn!(%error, "waiting for the database");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    info!("connected to the database");
}

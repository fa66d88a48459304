//! A service's way to its own schema.

use std::time::Duration;

use configmgt_process::settings::{self, SettingError};
use sqlx::postgres::{PgConnectOptions, types::PgInterval};
use tracing::{info, warn};

use crate::connections::{Connections, in_time};

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

/// A duration as PostgreSQL knows it, which is microseconds.
pub fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}

/// Waits until the database answers, so that a service never listens for what it cannot do.
pub async fn answers(connections: &Connections) {
    while let Err(error) = in_time(answer(connections)).await {
        warn!(%error, "waiting for the database");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    info!("connected to the database");
}

async fn answer(connections: &Connections) -> sqlx::Result<()> {
    let mut connection = connections.lend().await?;
    let answered = sqlx::query("SELECT 1").execute(&mut *connection).await;
    connection.done(answered.map(|_| ()))
}

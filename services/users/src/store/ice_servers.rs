use configmgt_contract::{
    Versioned,
    ice_servers::{IceConfiguration, StunAddress},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
};
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

use super::Written;

/// The row of the table `ice_servers`.
#[derive(Deserialize)]
struct Row {
    stun_address: Option<Written<StunAddress>>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for IceConfiguration {
    fn from(row: Row) -> Self {
        Self { stun_address: row.stun_address.map(|Written(address)| address) }
    }
}

impl From<Row> for Versioned<IceConfiguration> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: row.into() }
    }
}

/// How the journal shows the ICE servers.
pub(crate) const OBJECT: Object = Object {
    name: "ice_servers",
    table: "ice_servers",
    key: "id",
    columns: "id, stun_address",
    secrets: &[],
    show: show::<Row, IceConfiguration>,
};

/// Nothing, of version 0, where nobody has set anything yet.
#[instrument(level = "debug", name = "SELECT ice_servers", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn get(connections: &Connections) -> sqlx::Result<Versioned<IceConfiguration>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT stun_address AS "stun_address: Written<StunAddress>", version FROM ice_servers"#
    );
    let mut connection = connections.lend().await?;
    let row = row.fetch_optional(&mut *connection).await;
    let nothing = || Versioned { version: 0, object: IceConfiguration::default() };
    Ok(connection.done(row)?.map_or_else(nothing, Versioned::from))
}

/// Not one `INSERT … ON CONFLICT DO UPDATE`: to the trigger that compares versions, that is an insertion of what does not exist.
pub(crate) async fn set(
    connection: &mut PgConnection,
    configuration: IceConfiguration,
) -> sqlx::Result<Versioned<IceConfiguration>> {
    let stun_address = configuration.stun_address.as_ref().map(StunAddress::as_str);
    let version = match update(connection, stun_address).await? {
        Some(version) => version,
        None => match insert(connection, stun_address).await? {
            Some(version) => version,
            // Another write has made the row meanwhile.
            None => update(connection, stun_address).await?.ok_or(sqlx::Error::RowNotFound)?,
        },
    };
    Ok(Versioned { version, object: configuration })
}

/// Answers the version that this makes; none where there is no row.
#[instrument(level = "debug", name = "UPDATE ice_servers", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn update(connection: &mut PgConnection, stun_address: Option<&str>) -> sqlx::Result<Option<i64>> {
    let update = sqlx::query_scalar!("UPDATE ice_servers SET stun_address = $1 RETURNING version", stun_address);
    update.fetch_optional(connection).await
}

/// Answers the version that this makes; none where there is a row.
///
/// Looks before it inserts: an insertion that finds the row takes a version, although it does nothing.
#[instrument(level = "debug", name = "INSERT ice_servers", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(connection: &mut PgConnection, stun_address: Option<&str>) -> sqlx::Result<Option<i64>> {
    let insert = sqlx::query_scalar!(
        "INSERT INTO ice_servers (stun_address) SELECT $1 WHERE NOT EXISTS (SELECT FROM ice_servers)
         ON CONFLICT (id) DO NOTHING
         RETURNING version",
        stun_address
    );
    insert.fetch_optional(connection).await
}

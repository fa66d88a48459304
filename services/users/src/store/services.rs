use configmgt_contract::{
    Versioned,
    services::{Forward, ForwardUpdate, Services, ServicesState, ServicesUpdate},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `services`.
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
#[derive(Deserialize)]
struct Row {
    user_id: i32,
    dnd_enabled: bool,
    busy_enabled: bool,
    busy_destination: Option<String>,
    noanswer_enabled: bool,
    noanswer_destination: Option<String>,
    unconditional_enabled: bool,
    unconditional_destination: Option<String>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for ServicesState {
    fn from(row: Row) -> Self {
        let forward =
            |enabled, destination: Option<String>| Forward { enabled, destination: destination.unwrap_or_default() };
        let services = Services {
            dnd_enabled: row.dnd_enabled,
            busy: forward(row.busy_enabled, row.busy_destination),
            noanswer: forward(row.noanswer_enabled, row.noanswer_destination),
            unconditional: forward(row.unconditional_enabled, row.unconditional_destination),
        };
        Self { user_id: row.user_id, services }
    }
}

impl From<Row> for Versioned<Services> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: ServicesState::from(row).services }
    }
}

/// How the journal shows a user's services.
pub(crate) const OBJECT: Object = Object {
    name: "services",
    table: "services",
    key: "user_id",
    columns: "user_id, dnd_enabled, busy_enabled, busy_destination, noanswer_enabled, noanswer_destination, \
              unconditional_enabled, unconditional_destination",
    secrets: &[],
    show: show::<Row, ServicesState>,
};

/// Services by their users.
pub(crate) type ServicesLookup = Lookup<i32, Versioned<Services>>;

pub(crate) fn lookup(connections: &Connections) -> ServicesLookup {
    Lookup::new(connections, "SELECT services", |connection, user_ids| by_users(connection, user_ids).boxed())
}

/// The services of these users, for a [`ServicesLookup`]. A user without a row has everything off.
async fn by_users(connection: &mut PgConnection, user_ids: Vec<i32>) -> Rows<i32, Versioned<Services>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT u.id AS "user_id!", coalesce(dnd_enabled, false) AS "dnd_enabled!",
                  coalesce(busy_enabled, false) AS "busy_enabled!", busy_destination,
                  coalesce(noanswer_enabled, false) AS "noanswer_enabled!", noanswer_destination,
                  coalesce(unconditional_enabled, false) AS "unconditional_enabled!", unconditional_destination,
                  coalesce(s.version, 0) AS "version!"
           FROM users u LEFT JOIN services s ON s.user_id = u.id WHERE u.id = ANY ($1)"#,
        &user_ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.user_id, row.into())).collect())
}

/// Changes what is given, and answers the version that this makes; none where there is no such user.
///
/// Not one `INSERT … ON CONFLICT DO UPDATE`: to the trigger that compares versions, that is an insertion of what does not exist.
pub(crate) async fn update(
    connection: &mut PgConnection,
    user_id: i32,
    services: &ServicesUpdate,
) -> sqlx::Result<Option<i64>> {
    if let Some(version) = change(connection, user_id, services).await? {
        return Ok(Some(version));
    }
    if let Some(version) = insert(connection, user_id, services).await? {
        return Ok(Some(version));
    }
    // Another write has made the row meanwhile, or there is no such user.
    change(connection, user_id, services).await
}

/// What an update says of one forward. An empty destination stands for none.
fn given(forward: Option<&ForwardUpdate>) -> (Option<bool>, Option<&str>) {
    forward.map_or((None, None), |forward| (forward.enabled, forward.destination.as_deref()))
}

/// None where there is no row.
#[instrument(level = "debug", name = "UPDATE services", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn change(connection: &mut PgConnection, user_id: i32, services: &ServicesUpdate) -> sqlx::Result<Option<i64>> {
    let (busy, noanswer) = (given(services.busy.as_ref()), given(services.noanswer.as_ref()));
    let unconditional = given(services.unconditional.as_ref());
    let version = sqlx::query_scalar!(
        "UPDATE services SET
             dnd_enabled = coalesce($2, dnd_enabled),
             busy_enabled = coalesce($3, busy_enabled),
             busy_destination = nullif(coalesce($4, busy_destination), ''),
             noanswer_enabled = coalesce($5, noanswer_enabled),
             noanswer_destination = nullif(coalesce($6, noanswer_destination), ''),
             unconditional_enabled = coalesce($7, unconditional_enabled),
             unconditional_destination = nullif(coalesce($8, unconditional_destination), '')
         WHERE user_id = $1
         RETURNING version",
        user_id,
        services.dnd_enabled,
        busy.0,
        busy.1,
        noanswer.0,
        noanswer.1,
        unconditional.0,
        unconditional.1
    );
    version.fetch_optional(connection).await
}

/// None where there is no such user, or he has a row.
#[instrument(level = "debug", name = "INSERT services", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert(connection: &mut PgConnection, user_id: i32, services: &ServicesUpdate) -> sqlx::Result<Option<i64>> {
    let (busy, noanswer) = (given(services.busy.as_ref()), given(services.noanswer.as_ref()));
    let unconditional = given(services.unconditional.as_ref());
    let version = sqlx::query_scalar!(
        "INSERT INTO services (user_id, dnd_enabled, busy_enabled, busy_destination, noanswer_enabled, noanswer_destination,
                               unconditional_enabled, unconditional_destination)
         SELECT id, coalesce($2, false), coalesce($3, false), nullif($4, ''), coalesce($5, false), nullif($6, ''),
                coalesce($7, false), nullif($8, '')
         FROM users WHERE id = $1 FOR KEY SHARE
         ON CONFLICT (user_id) DO NOTHING
         RETURNING version",
        user_id,
        services.dnd_enabled,
        busy.0,
        busy.1,
        noanswer.0,
        noanswer.1,
        unconditional.0,
        unconditional.1
    );
    version.fetch_optional(connection).await
}

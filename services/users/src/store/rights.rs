use configmgt_contract::{
    Versioned,
    dates::Day,
    rights::{Profile, Right, RightData, RightState, UserProfile},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
};
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

use super::Written;

/// A row of the table `rights`.
#[derive(Deserialize)]
struct Row {
    user_id: i32,
    profile: Written<Profile>,
    queue_ids: Option<Vec<i32>>,
    group_ids: Option<Vec<i32>>,
    incall_ids: Option<Vec<i32>>,
    recording_access: Option<bool>,
    dissuasion_access: Option<bool>,
    start_date: Option<Written<Day>>,
    end_date: Option<Written<Day>>,
    /// The journal has it beside the row.
    #[serde(default)]
    version: i64,
}

impl From<Row> for RightState {
    fn from(row: Row) -> Self {
        let data = RightData {
            queue_ids: row.queue_ids,
            group_ids: row.group_ids,
            incall_ids: row.incall_ids,
            recording_access: row.recording_access,
            dissuasion_access: row.dissuasion_access,
            start: row.start_date.map(|Written(day)| day),
            end: row.end_date.map(|Written(day)| day),
        };
        Self { user_id: row.user_id, right: Right { profile: row.profile.0, data } }
    }
}

impl From<Row> for Versioned<Right> {
    fn from(row: Row) -> Self {
        Self { version: row.version, object: RightState::from(row).right }
    }
}

/// How the journal shows a right.
pub(crate) const OBJECT: Object = Object {
    name: "rights",
    table: "rights",
    key: "user_id",
    columns: "user_id, profile, queue_ids, group_ids, incall_ids, recording_access, dissuasion_access, start_date, end_date",
    secrets: &[],
    show: show::<Row, RightState>,
};

/// A user with a login and a profile.
pub(crate) struct ProfileRow {
    pub(crate) id: i32,
    lastname: String,
    firstname: String,
    login: String,
    profile: Written<Profile>,
}

impl From<ProfileRow> for UserProfile {
    fn from(ProfileRow { id: _, lastname, firstname, login, profile: Written(profile) }: ProfileRow) -> Self {
        Self { name: lastname, firstname, login, profile }
    }
}

/// A batch of the users with a login and a profile whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn profiles_above(connections: Connections, after: i32) -> sqlx::Result<Vec<ProfileRow>> {
    let rows = sqlx::query_as!(
        ProfileRow,
        r#"SELECT id, lastname, firstname, login AS "login!", profile AS "profile: Written<Profile>"
           FROM rights JOIN users ON id = user_id
           WHERE user_id > $1 AND login IS NOT NULL ORDER BY user_id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// None where there is no user with this login, and then none where he has no right.
#[instrument(level = "debug", name = "SELECT rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn get(connections: &Connections, login: &str) -> sqlx::Result<Option<Option<Versioned<Right>>>> {
    let right = sqlx::query_as!(
        Row,
        r#"SELECT user_id, profile AS "profile: Written<Profile>", queue_ids, group_ids, incall_ids, recording_access,
                  dissuasion_access, to_char(start_date, 'YYYY-MM-DD') AS "start_date: Written<Day>",
                  to_char(end_date, 'YYYY-MM-DD') AS "end_date: Written<Day>", r.version
           FROM rights r JOIN users ON id = user_id WHERE login = $1"#,
        login
    );
    let mut connection = connections.lend().await?;
    let read = async {
        match right.fetch_optional(&mut *connection).await? {
            Some(right) => Ok(Some(Some(right.into()))),
            None => Ok(user_exists(&mut connection, login).await?.then_some(None)),
        }
    };
    let read = read.await;
    connection.done(read)
}

#[instrument(level = "debug", name = "SELECT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn user_exists(connection: &mut PgConnection, login: &str) -> sqlx::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE login = $1) AS "exists!""#, login);
    exists.fetch_one(connection).await
}

/// Gives the user with this login a right, instead of the one that he may have; none where there is no such user.
///
/// Not one `INSERT … ON CONFLICT DO UPDATE`: to the trigger that compares versions, that is an insertion of what does not exist.
pub(crate) async fn set(
    connection: &mut PgConnection,
    login: &str,
    right: &Right,
) -> sqlx::Result<Option<Versioned<Right>>> {
    loop {
        if let Some(stored) = update(connection, login, right).await? {
            return Ok(Some(stored));
        }
        if let Some(stored) = insert(connection, login, right).await? {
            return Ok(Some(stored));
        }
        // Otherwise another write has made the row meanwhile, and maybe one more has taken it away again.
        if !user_exists(connection, login).await? {
            return Ok(None);
        }
    }
}

/// None where there is no such user, or he has no row.
#[instrument(level = "debug", name = "UPDATE rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn update(connection: &mut PgConnection, login: &str, right: &Right) -> sqlx::Result<Option<Versioned<Right>>> {
    let Right { profile, data } = right;
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE rights SET profile = $2, queue_ids = $3, group_ids = $4, incall_ids = $5, recording_access = $6,
                  dissuasion_access = $7, start_date = $8::text::date, end_date = $9::text::date
           WHERE user_id = (SELECT id FROM users WHERE login = $1)
           RETURNING user_id, profile AS "profile: Written<Profile>", queue_ids, group_ids, incall_ids, recording_access,
                     dissuasion_access, to_char(start_date, 'YYYY-MM-DD') AS "start_date: Written<Day>",
                     to_char(end_date, 'YYYY-MM-DD') AS "end_date: Written<Day>", version"#,
        login,
        profile.name(),
        data.queue_ids.as_deref(),
        data.group_ids.as_deref(),
        data.incall_ids.as_deref(),
        data.recording_access,
        data.dissuasion_access,
        data.start.as_ref().map(Day::as_str),
        data.end.as_ref().map(Day::as_str)
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// None where there is no such user, or he has a row.
#[instrument(level = "debug", name = "INSERT rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert(connection: &mut PgConnection, login: &str, right: &Right) -> sqlx::Result<Option<Versioned<Right>>> {
    let Right { profile, data } = right;
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO rights (user_id, profile, queue_ids, group_ids, incall_ids, recording_access, dissuasion_access,
                               start_date, end_date)
           SELECT id, $2, $3, $4, $5, $6, $7, $8::text::date, $9::text::date
           FROM users WHERE login = $1 FOR KEY SHARE
           ON CONFLICT (user_id) DO NOTHING
           RETURNING user_id, profile AS "profile: Written<Profile>", queue_ids, group_ids, incall_ids, recording_access,
                     dissuasion_access, to_char(start_date, 'YYYY-MM-DD') AS "start_date: Written<Day>",
                     to_char(end_date, 'YYYY-MM-DD') AS "end_date: Written<Day>", version"#,
        login,
        profile.name(),
        data.queue_ids.as_deref(),
        data.group_ids.as_deref(),
        data.incall_ids.as_deref(),
        data.recording_access,
        data.dissuasion_access,
        data.start.as_ref().map(Day::as_str),
        data.end.as_ref().map(Day::as_str)
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

/// Whether there was one.
#[instrument(level = "debug", name = "DELETE rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, login: &str) -> sqlx::Result<bool> {
    let delete = sqlx::query!("DELETE FROM rights WHERE user_id = (SELECT id FROM users WHERE login = $1)", login);
    Ok(delete.execute(connection).await?.rows_affected() > 0)
}

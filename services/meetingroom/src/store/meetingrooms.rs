use configmgt_contract::{
    Versioned,
    filter::{Find, Page},
    meetingrooms::{MeetingRoom, RoomFields, RoomState},
    numbers::{DialNumber, Pin},
};
use configmgt_runtime::{
    connections::Connections,
    filter::{Column, FindError, Kind, Table},
    journal::{Object, show},
    listing::BATCH,
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `meetingroom`.
#[derive(sqlx::FromRow, Deserialize)]
struct Row {
    id: i32,
    name: String,
    display_name: String,
    number: i64,
    user_pin: Option<String>,
}

impl From<Row> for MeetingRoom {
    fn from(Row { id, name, display_name, number, user_pin }: Row) -> Self {
        let number = DialNumber::from_stored(number);
        Self { id, name, display_name, number, user_pin: user_pin.map(Pin::from_stored) }
    }
}

impl From<Row> for RoomState {
    fn from(Row { id, name, display_name, number, user_pin: _ }: Row) -> Self {
        Self { id, name, display_name, number: DialNumber::from_stored(number) }
    }
}

/// A row with the version of the room that it is.
struct VersionedRow {
    id: i32,
    name: String,
    display_name: String,
    number: i64,
    user_pin: Option<String>,
    version: i64,
}

impl From<VersionedRow> for Versioned<MeetingRoom> {
    fn from(VersionedRow { id, name, display_name, number, user_pin, version }: VersionedRow) -> Self {
        Self { version, object: Row { id, name, display_name, number, user_pin }.into() }
    }
}

/// How the journal shows a room.
pub(crate) const OBJECT: Object = Object {
    name: "meetingroom",
    table: "meetingroom",
    key: "id",
    columns: "id, name, display_name, number, user_pin",
    secrets: &[("user_pin", "userPin")],
    show: show::<Row, RoomState>,
};

/// What the find endpoint can filter and sort by.
const ROOMS: Table = Table {
    select: "id, name, display_name, number, user_pin",
    from: "meetingroom",
    key: "id",
    columns: &[
        Column { names: &["id"], sql: "id", kind: Kind::Integer },
        Column { names: &["name"], sql: "name", kind: Kind::Text },
        Column { names: &["displayName"], sql: "display_name", kind: Kind::Text },
        Column { names: &["number"], sql: "number", kind: Kind::DialNumber },
        Column { names: &["userPin"], sql: "user_pin", kind: Kind::Pin },
    ],
};

/// Rooms by their ids.
pub(crate) type RoomLookup = Lookup<i32, Versioned<MeetingRoom>>;

pub(crate) fn lookup(connections: &Connections) -> RoomLookup {
    Lookup::new(connections, "SELECT meetingroom", |connection, ids| by_ids(connection, ids).boxed())
}

/// The rooms with these ids, for a [`RoomLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, Versioned<MeetingRoom>> {
    let rows = sqlx::query_as!(
        VersionedRow,
        "SELECT id, name, display_name, number, user_pin, version FROM meetingroom WHERE id = ANY ($1)",
        &ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A batch of the rooms whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT meetingroom", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: i32) -> sqlx::Result<Vec<MeetingRoom>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, display_name, number, user_pin FROM meetingroom WHERE id > $1 ORDER BY id LIMIT $2",
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    Ok(connection.done(rows)?.into_iter().map(MeetingRoom::from).collect())
}

#[instrument(level = "debug", name = "SELECT meetingroom", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn find(connections: &Connections, find: &Find) -> Result<Page<MeetingRoom>, FindError> {
    ROOMS.find::<Row, MeetingRoom>(connections, find).await
}

#[instrument(level = "debug", name = "INSERT meetingroom", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn insert(connection: &mut PgConnection, room: &RoomFields) -> sqlx::Result<Versioned<MeetingRoom>> {
    let row = sqlx::query_as!(
        VersionedRow,
        "INSERT INTO meetingroom (name, display_name, number, user_pin) VALUES ($1, $2, $3, $4)
         RETURNING id, name, display_name, number, user_pin, version",
        room.name,
        room.display_name,
        room.number.get(),
        room.user_pin.as_ref().map(Pin::as_str)
    );
    Ok(row.fetch_one(connection).await?.into())
}

#[instrument(level = "debug", name = "UPDATE meetingroom", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn update(
    connection: &mut PgConnection,
    id: i32,
    room: &RoomFields,
) -> sqlx::Result<Option<Versioned<MeetingRoom>>> {
    let row = sqlx::query_as!(
        VersionedRow,
        "UPDATE meetingroom SET name = $2, display_name = $3, number = $4, user_pin = $5 WHERE id = $1
         RETURNING id, name, display_name, number, user_pin, version",
        id,
        room.name,
        room.display_name,
        room.number.get(),
        room.user_pin.as_ref().map(Pin::as_str)
    );
    Ok(row.fetch_optional(connection).await?.map(Versioned::from))
}

#[instrument(level = "debug", name = "DELETE meetingroom", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn delete(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<MeetingRoom>> {
    let row = sqlx::query_as!(
        Row,
        "DELETE FROM meetingroom WHERE id = $1 RETURNING id, name, display_name, number, user_pin",
        id
    );
    Ok(row.fetch_optional(connection).await?.map(MeetingRoom::from))
}

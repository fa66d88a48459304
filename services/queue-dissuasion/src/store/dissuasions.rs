use configmgt_contract::{
    Versioned,
    dissuasions::{Dissuasion, DissuasionState, QueueDissuasion, SoundFile, TargetQueue},
};
use configmgt_runtime::{
    connections::Connections,
    journal::{Object, show},
    listing::BATCH,
    lookup::{Lookup, Rows},
};
use futures_util::FutureExt;
use serde::Deserialize;
use sqlx::PgConnection;
use tracing::instrument;

/// A row of the table `dissuasion`.
#[derive(Deserialize)]
struct Row {
    queue_id: i32,
    sound_file: Option<String>,
    target_id: Option<i32>,
    deleted_target: Option<String>,
}

impl From<Row> for DissuasionState {
    fn from(row: Row) -> Self {
        let Row { queue_id, sound_file, target_id: target_queue_id, deleted_target: deleted_queue_name } = row;
        Self { queue_id, sound_file, target_queue_id, deleted_queue_name }
    }
}

/// How the journal shows a dissuasion.
pub(crate) const OBJECT: Object = Object {
    name: "dissuasion",
    table: "dissuasion",
    key: "queue_id",
    columns: "queue_id, sound_file, target_id, deleted_target",
    secrets: &[],
    show: show::<Row, DissuasionState>,
};

/// A queue with its dissuasion, if it has one.
#[derive(Clone)]
pub(crate) struct QueueRow {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) sound_file: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) deleted_target: Option<String>,
    /// 0 where it has none.
    version: i64,
}

impl QueueRow {
    pub(crate) fn dissuasion(&self) -> Dissuasion {
        match (&self.sound_file, &self.target) {
            (Some(sound_file), _) => Dissuasion::SoundFile(SoundFile { sound_file: sound_file.clone() }),
            (None, Some(target)) => Dissuasion::Queue(TargetQueue { queue_name: target.clone() }),
            (None, None) => Dissuasion::Other,
        }
    }
}

impl From<QueueRow> for Versioned<QueueDissuasion> {
    fn from(row: QueueRow) -> Self {
        let (version, dissuasion) = (row.version, row.dissuasion());
        Self { version, object: QueueDissuasion { id: row.id, name: row.name, dissuasion } }
    }
}

/// Queues with their dissuasions by the queues' ids.
pub(crate) type DissuasionLookup = Lookup<i32, QueueRow>;

pub(crate) fn lookup(connections: &Connections) -> DissuasionLookup {
    Lookup::new(connections, "SELECT dissuasion", |connection, ids| by_ids(connection, ids).boxed())
}

/// The queues with these ids, for a [`DissuasionLookup`].
async fn by_ids(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, QueueRow> {
    let rows = sqlx::query_as!(
        QueueRow,
        r#"SELECT q.id AS "id!", q.name AS "name!", d.sound_file AS "sound_file?", t.name AS "target?",
                  d.deleted_target AS "deleted_target?", coalesce(d.version, 0) AS "version!"
           FROM queue q LEFT JOIN dissuasion d ON d.queue_id = q.id LEFT JOIN queue t ON t.id = d.target_id
           WHERE q.id = ANY ($1)"#,
        &ids
    );
    Ok(rows.fetch_all(connection).await?.into_iter().map(|row| (row.id, row)).collect())
}

/// A batch of the queues whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn above(connections: Connections, after: i32) -> sqlx::Result<Vec<QueueRow>> {
    let rows = sqlx::query_as!(
        QueueRow,
        r#"SELECT q.id AS "id!", q.name AS "name!", d.sound_file AS "sound_file?", t.name AS "target?",
                  d.deleted_target AS "deleted_target?", coalesce(d.version, 0) AS "version!"
           FROM queue q LEFT JOIN dissuasion d ON d.queue_id = q.id LEFT JOIN queue t ON t.id = d.target_id
           WHERE q.id > $1 ORDER BY q.id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// Those of the sound files that a queue dissuades to.
#[instrument(level = "debug", name = "SELECT dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn used_sound_files(connections: &Connections, names: &[String]) -> sqlx::Result<Vec<String>> {
    let used = sqlx::query_scalar!(
        r#"SELECT DISTINCT sound_file AS "sound_file!" FROM dissuasion WHERE sound_file = ANY ($1)"#,
        names
    );
    let mut connection = connections.lend().await?;
    let used = used.fetch_all(&mut *connection).await;
    connection.done(used)
}

/// The queues that a caller comes through from this one on, in their order; none where there is no such queue. It ends, because no
/// dissuasion leads round in a circle.
#[instrument(level = "debug", name = "SELECT dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn way(connections: &Connections, id: i32) -> sqlx::Result<Vec<QueueRow>> {
    let rows = sqlx::query_as!(
        QueueRow,
        r#"WITH RECURSIVE way (id, step) AS (
               SELECT $1::integer, 0
               UNION ALL
               SELECT d.target_id, way.step + 1
               FROM way JOIN dissuasion d ON d.queue_id = way.id WHERE d.target_id IS NOT NULL)
           SELECT q.id AS "id!", q.name AS "name!", d.sound_file AS "sound_file?", t.name AS "target?",
                  d.deleted_target AS "deleted_target?", coalesce(d.version, 0) AS "version!"
           FROM way JOIN queue q USING (id)
                LEFT JOIN dissuasion d ON d.queue_id = q.id LEFT JOIN queue t ON t.id = d.target_id
           ORDER BY way.step"#,
        id
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// The name of the queue, which keeps it until the transaction ends; none where there is no such queue.
#[instrument(level = "debug", name = "SELECT queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn lock_queue(connection: &mut PgConnection, id: i32) -> sqlx::Result<Option<String>> {
    let name = sqlx::query_scalar!("SELECT name FROM queue WHERE id = $1 FOR KEY SHARE", id);
    name.fetch_optional(connection).await
}

/// Makes a queue that is locked dissuade to a sound file; gives the dissuasion's version.
pub(crate) async fn set_sound_file(connection: &mut PgConnection, id: i32, sound_file: &str) -> sqlx::Result<i64> {
    loop {
        if let Some(version) = update_sound_file(connection, id, sound_file).await? {
            return Ok(version);
        }
        if let Some(version) = insert_sound_file(connection, id, sound_file).await? {
            return Ok(version);
        }
        // Otherwise another write has made the row meanwhile.
    }
}

#[instrument(level = "debug", name = "UPDATE dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn update_sound_file(connection: &mut PgConnection, id: i32, sound_file: &str) -> sqlx::Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE dissuasion SET sound_file = $2, target_id = NULL, deleted_target = NULL WHERE queue_id = $1
         RETURNING version",
        id,
        sound_file
    );
    version.fetch_optional(connection).await
}

#[instrument(level = "debug", name = "INSERT dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_sound_file(connection: &mut PgConnection, id: i32, sound_file: &str) -> sqlx::Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "INSERT INTO dissuasion (queue_id, sound_file) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING version",
        id,
        sound_file
    );
    version.fetch_optional(connection).await
}

/// Makes a queue that is locked dissuade to the one of this name; gives the dissuasion's version. Without such a queue there is
/// no destination, which the constraint `dissuasion_destination` refuses.
pub(crate) async fn set_target(connection: &mut PgConnection, id: i32, target: &str) -> sqlx::Result<i64> {
    loop {
        if let Some(version) = update_target(connection, id, target).await? {
            return Ok(version);
        }
        if let Some(version) = insert_target(connection, id, target).await? {
            return Ok(version);
        }
        // Otherwise another write has made the row meanwhile.
    }
}

#[instrument(level = "debug", name = "UPDATE dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn update_target(connection: &mut PgConnection, id: i32, target: &str) -> sqlx::Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE dissuasion SET sound_file = NULL, target_id = (SELECT t.id FROM queue t WHERE t.name = $2),
                deleted_target = NULL
         WHERE queue_id = $1
         RETURNING version",
        id,
        target
    );
    version.fetch_optional(connection).await
}

#[instrument(level = "debug", name = "INSERT dissuasion", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn insert_target(connection: &mut PgConnection, id: i32, target: &str) -> sqlx::Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "INSERT INTO dissuasion (queue_id, target_id) VALUES ($1, (SELECT t.id FROM queue t WHERE t.name = $2))
         ON CONFLICT DO NOTHING RETURNING version",
        id,
        target
    );
    version.fetch_optional(connection).await
}

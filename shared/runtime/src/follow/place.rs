//! What a follower keeps beside its copy: its place in the stream, and the version of each object. The SQL of it.

use std::collections::BTreeMap;

use configmgt_bus::Position;
use configmgt_contract::events::Object;
use sqlx::PgConnection;

/// Behind which message a follower is, in which life of the stream.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Place {
    pub(super) epoch: String,
    pub(super) sequence: i64,
}

impl Place {
    /// The end of a stream that stands so.
    pub(super) fn end_of(Position { epoch, last, .. }: &Position) -> Self {
        Self { epoch: epoch.clone(), sequence: i64::try_from(*last).unwrap_or(i64::MAX) }
    }

    /// Whether a stream that stands so holds everything behind the place.
    pub(super) fn is_in(&self, Position { epoch, first, last, .. }: &Position) -> bool {
        self.epoch == *epoch && u64::try_from(self.sequence).is_ok_and(|at| at <= *last && *first <= at + 1)
    }

    /// None where nothing was followed yet.
    pub(super) async fn find<S: Object>(connection: &mut PgConnection) -> sqlx::Result<Option<Self>> {
        let place = "SELECT epoch, sequence FROM following WHERE service = $1 AND object_type = $2";
        sqlx::query_as(place).bind(S::SERVICE).bind(S::NAME).fetch_optional(connection).await
    }

    /// The place as it is once whoever else is about to change it has ended. Until the transaction ends nobody else does. Where
    /// there is none yet, it is in no stream's life.
    pub(super) async fn lock<S: Object>(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let made = "INSERT INTO following (service, object_type, epoch, sequence) VALUES ($1, $2, '', 0)
                    ON CONFLICT DO NOTHING RETURNING epoch, sequence";
        let found = "SELECT epoch, sequence FROM following WHERE service = $1 AND object_type = $2 FOR UPDATE";
        let found = sqlx::query_as(found).bind(S::SERVICE).bind(S::NAME).fetch_optional(&mut *connection).await?;
        match found {
            Some(place) => Ok(place),
            None => sqlx::query_as(made).bind(S::SERVICE).bind(S::NAME).fetch_one(connection).await,
        }
    }

    pub(super) async fn keep<S: Object>(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let keep = "UPDATE following SET epoch = $3, sequence = $4 WHERE service = $1 AND object_type = $2";
        let keep = sqlx::query(keep).bind(S::SERVICE).bind(S::NAME).bind(&self.epoch).bind(self.sequence);
        keep.execute(connection).await.map(|_| ())
    }
}

/// The version of the object that is in the copy, or of its deletion.
pub(super) async fn version_of<S: Object>(connection: &mut PgConnection, id: &str) -> sqlx::Result<Option<i64>> {
    let version = "SELECT version FROM followed WHERE service = $1 AND object_type = $2 AND object_id = $3";
    sqlx::query_scalar(version).bind(S::SERVICE).bind(S::NAME).bind(id).fetch_optional(connection).await
}

/// All of them by the objects' ids.
pub(super) async fn versions<S: Object>(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let versions = "SELECT object_id, version FROM followed WHERE service = $1 AND object_type = $2";
    let versions: Vec<_> = sqlx::query_as(versions).bind(S::SERVICE).bind(S::NAME).fetch_all(connection).await?;
    Ok(versions.into_iter().collect())
}

pub(super) async fn keep_version<S: Object>(connection: &mut PgConnection, id: &str, version: i64) -> sqlx::Result<()> {
    let keep = "INSERT INTO followed (service, object_type, object_id, version) VALUES ($1, $2, $3, $4)
                ON CONFLICT (service, object_type, object_id) DO UPDATE SET version = $4";
    let keep = sqlx::query(keep).bind(S::SERVICE).bind(S::NAME).bind(id).bind(version);
    keep.execute(connection).await.map(|_| ())
}

pub(super) async fn forget_version<S: Object>(connection: &mut PgConnection, id: &str) -> sqlx::Result<()> {
    let forget = "DELETE FROM followed WHERE service = $1 AND object_type = $2 AND object_id = $3";
    sqlx::query(forget).bind(S::SERVICE).bind(S::NAME).bind(id).execute(connection).await.map(|_| ())
}

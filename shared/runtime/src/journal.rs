//! The journal: what was changed, and the only way to change something.
//!
//! A write has a [`Change`] in hand, the open transaction. The database itself writes the journal's row, in the statement that
//! changes an object: the triggers `number_version` and `record_change` of the object's table do. So a handler cannot forget
//! it, and the service's role cannot alter it. What a handler adds is only who asks, which [`Change`] tells the database when it
//! begins.

use std::sync::Arc;

use bytes::Bytes;
use configmgt_contract::{Answer, Broken, Call, Changes, Fault, OperationDoc, Status, Work, Working, events};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Notify;
use tracing::instrument;

use crate::fail;

/// A kind of object whose changes are journaled, and how its rows become what events and history show.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    /// Its name in subjects and in the history, and the first argument of its table's triggers.
    pub name: &'static str,
    pub table: &'static str,
    /// The column of its id.
    pub key: &'static str,
    /// All columns but the version, with commas between.
    pub columns: &'static str,
    /// The columns that hold secrets, with the names that clients know them by.
    pub secrets: &'static [(&'static str, &'static str)],
    /// Makes the state that is shown of a row as the journal keeps it.
    pub show: fn(Value) -> serde_json::Result<Value>,
}

/// Makes the state `S` of a row of the type `R`, which may lack its secrets: an [`Object::show`].
pub fn show<R, S>(row: Value) -> serde_json::Result<Value>
where
    R: DeserializeOwned,
    S: From<R> + Serialize + events::Object,
{
    serde_json::to_value(S::from(serde_json::from_value(row)?))
}

/// A service's journal.
#[derive(Clone)]
pub struct Journal {
    pool: PgPool,
    written: Arc<Notify>,
}

impl Journal {
    pub fn new(pool: PgPool) -> Self {
        Self { pool, written: Arc::new(Notify::new()) }
    }

    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Told after each change that was committed here.
    pub(crate) fn written(&self) -> Arc<Notify> {
        Arc::clone(&self.written)
    }
}

/// A write under way: an open transaction that the database knows the author of. Dropped before its end, it leaves nothing.
pub struct Change {
    transaction: Transaction<'static, Postgres>,
    call: Call,
}

impl Change {
    /// Where the write's statements run.
    ///
    /// The first object that they change is the one that the write's `If-Match` speaks of.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Who asks, and under which name.
    pub const fn call(&self) -> &Call {
        &self.call
    }
}

/// What the database knows of a write's key.
enum Claim {
    /// Nobody has used it, or the write has none.
    New,
    /// The write was carried out, and answered so.
    Done { body: Bytes, version: Option<i64> },
    /// It belongs to another write.
    Other,
}

impl Changes for Journal {
    type Change = Change;

    fn carry_out(&self, call: Call, operation: OperationDoc, body: Bytes, work: Work<Change>) -> Working<'_> {
        Box::pin(async move {
            let mut transaction = self.pool.begin().await.map_err(broken)?;
            let claim = begin(&mut transaction, &call, operation, &body).await.map_err(broken)?;
            match claim {
                Claim::New => {}
                Claim::Done { body, version } => return Ok(Answer::Whole { body, version }),
                Claim::Other => return Err(Broken::Refused(key_reused())),
            }
            let mut change = Change { transaction, call };
            let Answer::Whole { body, version } = work(&mut change).await? else {
                return Err(Broken::Error("a write cannot answer in pieces: its answer is kept".into()));
            };
            let Change { mut transaction, call } = change;
            if let Some(key) = &call.idempotency_key {
                keep_answer(&mut transaction, &call.actor, &key.to_string(), &body, version).await.map_err(broken)?;
            }
            fail::point("before-commit");
            transaction.commit().await.map_err(broken)?;
            fail::point("after-commit");
            self.written.notify_one();
            Ok(Answer::Whole { body, version })
        })
    }
}

#[instrument(name = "begin_change", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn begin(
    connection: &mut PgConnection,
    call: &Call,
    operation: OperationDoc,
    body: &[u8],
) -> sqlx::Result<Claim> {
    let key = call.idempotency_key.as_ref().map(ToString::to_string);
    let expected = call.expected.as_ref().map(ToString::to_string);
    let fingerprint = fingerprint(operation, body, expected.as_deref());
    let claim = sqlx::query_as::<_, (String, Option<Vec<u8>>, Option<i64>)>(
        "SELECT claim, reply, version FROM begin_change($1, $2, $3, $4, $5, $6)",
    );
    let (claim, reply, version) = claim
        .bind(&call.actor)
        .bind(&call.request_id)
        .bind(&call.traceparent)
        .bind(expected)
        .bind(key)
        .bind(fingerprint)
        .fetch_one(connection)
        .await?;
    Ok(match claim.as_str() {
        "new" => Claim::New,
        "done" => Claim::Done { body: reply.unwrap_or_default().into(), version },
        _ => Claim::Other,
    })
}

/// What makes two writes of one key the same write.
fn fingerprint(operation: OperationDoc, body: &[u8], expected: Option<&str>) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in [operation.service.as_bytes(), operation.path.as_bytes(), expected.unwrap_or_default().as_bytes(), body]
    {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

/// Keeps the answer with the key, in the transaction of the change: whoever asks again is answered the same.
#[instrument(name = "UPDATE idempotency", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn keep_answer(
    connection: &mut PgConnection,
    actor: &str,
    key: &str,
    body: &[u8],
    version: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE idempotency SET reply = $3, version = $4 WHERE actor = $1 AND key = $2")
        .bind(actor)
        .bind(key)
        .bind(body)
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

fn key_reused() -> Fault {
    Fault::new(Status::Unprocessable, "the Idempotency-Key was used for another request")
}

fn broken(error: sqlx::Error) -> Broken {
    Broken::Error(Box::new(error))
}

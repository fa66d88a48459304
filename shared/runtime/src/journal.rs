//! The journal: what was changed, and the only way to change something.
//!
//! A write has a [`Change`] in hand, the open transaction. The database itself writes the journal's row, in the statement that
//! changes an object: the triggers `number_version` and `record_change` of the object's table do. So a handler cannot forget
//! it, and the service's role cannot alter it. What a handler adds is only who asks, which [`Change`] tells the database when it
//! begins.

use std::{fmt::Write, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use configmgt_contract::{
    Answer, Broken, Call, Changes, Fault, OperationDoc, Status, Upload, Whole, Work, Working, events,
};
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::{sync::Notify, time::sleep};
use tracing::instrument;

use self::{content::Content, key::Key};
use crate::{
    connections::{Connections, Lent},
    fail,
};

mod content;
mod key;

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

impl Object {
    /// The expression for the key that the text `parameter` stands for, whatever the key's type.
    pub(crate) fn key_of(&self, parameter: &str) -> String {
        let Self { table, key, .. } = self;
        format!("(jsonb_populate_record(NULL::{table}, jsonb_build_object('{key}', {parameter}::text))).{key}")
    }
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
    connections: Connections,
    written: Arc<Notify>,
}

impl Journal {
    pub fn new(connections: Connections) -> Self {
        Self { connections, written: Arc::new(Notify::new()) }
    }

    pub const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Begins a transaction in the name of `actor`, where no client asks for it. Dropped before its [`Journal::commit`], it leaves
    /// nothing.
    pub async fn begin_as(&self, actor: &str) -> sqlx::Result<Lent> {
        let mut connection = self.connections.lend().await?;
        execute(&mut connection, format!("BEGIN; SET LOCAL configmgt.actor = {}", literal(actor))).await?;
        Ok(connection)
    }

    /// Ends a transaction that [`Journal::begin_as`] began.
    pub async fn commit(&self, mut connection: Lent) -> sqlx::Result<()> {
        execute(&mut connection, "COMMIT".to_owned()).await?;
        self.written.notify_one();
        connection.done(Ok(()))
    }

    /// Told after each change that was committed here.
    pub(crate) fn written(&self) -> Arc<Notify> {
        Arc::clone(&self.written)
    }
}

/// A write under way: an open transaction that the database knows the author of. Dropped before its end, it leaves nothing.
pub struct Change {
    connection: Lent,
    /// Where others are.
    connections: Connections,
    call: Call,
    read: Content,
}

/// Much shorter than the server suffers a transaction in which nothing happens.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

impl Change {
    /// Where the write's statements run. A handler must have no effect beside them: it may run again, for a write that turns out
    /// to have been carried out before.
    ///
    /// The first object that they change is the one that the write's `If-Match` speaks of.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// The next piece of the content. What has been read makes part of what tells this import from others with the same key, so
    /// there is no other way to read it.
    pub async fn next_piece(&mut self, content: &mut Upload) -> Result<Option<Bytes>, Fault> {
        let next = self.alive(content.next()).await;
        self.read.add(next.as_ref());
        next.transpose()
    }

    /// Waits for something that is not in the database and takes its time: the server ends a transaction in which nothing happens.
    pub async fn alive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(SIGN_OF_LIFE) => {}
            }
            // What ails the connection shows at the next statement.
            let _ = execute(&mut self.connection, "SELECT".to_owned()).await;
        }
    }

    /// Where what is told beside the write finds a connection of its own.
    pub(crate) const fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Waits for something that takes its time and must not keep one of the few connections from others. It belongs to the
    /// beginning of a write: what the write has done so far is undone.
    pub async fn apart<T>(&mut self, work: impl Future<Output = T>) -> sqlx::Result<T> {
        execute(&mut self.connection, "ROLLBACK".to_owned()).await?;
        let done = self.connection.apart(work).await?;
        begin(&mut self.connection, &self.call).await?;
        Ok(done)
    }

    /// Who asks, and under which name.
    pub const fn call(&self) -> &Call {
        &self.call
    }
}

impl Changes for Journal {
    type Change = Change;

    /// Three round trips: the transaction and its author, the work, the answer under its key and the commit.
    ///
    /// A write that was carried out before shows at the end: its key is taken, or what it did stands in its own way. Then its
    /// answer is given again. Whether an import is the one of before, only its whole content tells: then it is read to its end, also
    /// where the import was refused before.
    fn carry_out(
        &self,
        call: Call,
        operation: OperationDoc,
        body: Bytes,
        mut content: Upload,
        work: Work<Change>,
    ) -> Working<'_> {
        Box::pin(async move {
            let key = Key::of(&call, operation, &body);
            let mut connection = self.connections.lend().await.map_err(broken)?;
            begin(&mut connection, &call).await.map_err(broken)?;
            let connections = self.connections.clone();
            let mut change = Change { connection, connections, call, read: Content::of(operation) };
            let outcome = work(&mut change, &mut content).await;
            let Change { mut connection, mut read, .. } = change;
            let refusal = match outcome {
                Ok(Answer::Whole(whole)) => {
                    fail::point("before-commit");
                    match commit(&mut connection, key.as_ref(), &read, &whole).await {
                        Ok(()) => {
                            fail::point("after-commit");
                            self.written.notify_one();
                            return connection.done(Ok(Answer::Whole(whole))).map_err(broken);
                        }
                        Err(error) => broken(error),
                    }
                }
                Ok(Answer::Pieces(_)) => Broken::Error("a write cannot answer in pieces: its answer is kept".into()),
                Err(refusal) => refusal,
            };
            let earlier = earlier(&mut connection, key.as_ref()).await;
            // Why the write failed tells more than why that could not be found out.
            let (Ok(Some(earlier)), Some(key)) = (connection.done(earlier), key) else { return Err(refusal) };
            if !read.finish(&mut content).await {
                return Err(refusal);
            }
            if key.fingerprint(&read) == earlier.fingerprint {
                Ok(Answer::Whole(earlier.answer))
            } else {
                Err(Broken::Refused(key_reused()))
            }
        })
    }
}

/// A write that was carried out before.
struct Earlier {
    fingerprint: Vec<u8>,
    answer: Whole,
}

/// Begins a transaction and tells the database who changes what follows in it.
#[instrument(level = "debug", name = "BEGIN", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn begin(connection: &mut PgConnection, call: &Call) -> sqlx::Result<()> {
    let expected = call.expected.as_ref().map(ToString::to_string);
    let settings = [
        ("actor", Some(&call.actor)),
        ("request_id", Some(&call.request_id)),
        ("traceparent", call.traceparent.as_ref()),
        ("expected", expected.as_ref()),
    ];
    let mut sql = "BEGIN".to_owned();
    for (name, value) in settings {
        if let Some(value) = value {
            sql.extend(["; SET LOCAL configmgt.", name, " = ", &literal(value)]);
        }
    }
    execute(connection, sql).await
}

/// Keeps the answer with the key and commits, in one message: a key that is taken fails the first statement, and the second is not
/// carried out. A write of the same key that is under way is waited for.
#[instrument(level = "debug", name = "COMMIT", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn commit(connection: &mut PgConnection, key: Option<&Key>, read: &Content, whole: &Whole) -> sqlx::Result<()> {
    let mut sql = String::new();
    if let Some(key) = key {
        let Whole { body, version, created } = whole;
        let version = version.map_or_else(|| "NULL".to_owned(), |version| version.to_string());
        let created = created.as_ref().map_or_else(|| "NULL".to_owned(), |created| literal(created));
        let (actor, name, body) = (literal(&key.actor), literal(&key.name), bytes(body));
        let fingerprint = bytes(&key.fingerprint(read));
        sql = format!(
            "INSERT INTO idempotency (actor, key, fingerprint, reply, version, created) \
             VALUES ({actor}, {name}, {fingerprint}, {body}, {version}, {created}); "
        );
    }
    sql.push_str("COMMIT");
    execute(connection, sql).await
}

/// Rolls back, and gives the write of this key that was carried out before, if one was.
#[instrument(level = "debug", name = "ROLLBACK", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn earlier(connection: &mut PgConnection, key: Option<&Key>) -> sqlx::Result<Option<Earlier>> {
    execute(connection, "ROLLBACK".to_owned()).await?;
    let Some(Key { actor, name, .. }) = key else { return Ok(None) };
    let known = sqlx::query_as::<_, (Vec<u8>, Vec<u8>, Option<i64>, Option<String>)>(
        "SELECT fingerprint, reply, version, created FROM idempotency WHERE actor = $1 AND key = $2",
    );
    let known = known.bind(actor).bind(name).fetch_optional(connection).await?;
    Ok(known.map(|(fingerprint, body, version, created)| Earlier {
        fingerprint,
        answer: Whole { body: body.into(), version, created },
    }))
}

/// Runs statements whose values stand in them: unlike others, such a message can hold several.
async fn execute(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

/// A text as PostgreSQL reads it back, whatever its settings. A NUL, which no text of the database can hold, is left out.
fn literal(text: &str) -> String {
    let escaped = text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''");
    format!("E'{escaped}'")
}

/// The same for bytes.
fn bytes(bytes: &[u8]) -> String {
    let mut literal = String::with_capacity(bytes.len() * 2 + 16);
    literal.push_str("decode('");
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push_str("', 'hex')");
    literal
}

fn key_reused() -> Fault {
    Fault::new(Status::Unprocessable, "the Idempotency-Key was used for another request")
}

fn broken(error: sqlx::Error) -> Broken {
    Broken::Error(Box::new(error))
}

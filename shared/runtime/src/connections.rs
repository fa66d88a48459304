//! The service's connections to its schema, and how they are lent.
//!
//! `sqlx`'s own pool asks the server for a sign of life whenever a connection comes back, which doubles the round trips of a short
//! statement. Here a connection comes back only from a statement that ended, and is asked only when it was idle for a while.

use std::{
    io,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::lookup::READERS;

/// More connections than this do not make two cores faster.
pub const CONNECTIONS: usize = 8;

/// And for [`lookups`](crate::lookup) beside them, so that a row which is asked for by its key does not wait behind searches, lists
/// and writes. One lookup, whose table hangs, cannot take all of them.
pub const LOOKUPS: usize = READERS + 1;

/// What finds rows by their keys goes by indexes, through one plan that serves any number of keys. By its estimates PostgreSQL would
/// make a new plan for each statement with few keys, which takes as long as the rows, and read whole tables where it last saw none.
const BY_KEY: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // What is discouraged counts as expensive, and what is expensive would be compiled.
    ("jit", "off"),
];

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection that was used a moment ago is used again without a question: the question would cost as much as the statement.
const TRUSTED: Duration = Duration::from_secs(1);

/// What no statement of a service may exceed, in PostgreSQL's own notation.
const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "5s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "10s")];

/// More than any statement takes that the server itself keeps within [`LIMITS`], with the way to a connection.
const IN_TIME: Duration = Duration::from_secs(10);

/// Does work in the database that no request waits for, or that goes on where the request has ended. A server that is gone without a
/// word keeps none of its own limits, and TCP takes a quarter of an hour to find out: the work ends here, and with it its connection.
pub async fn in_time<T, E: From<sqlx::Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let late = |_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into());
    timeout(IN_TIME, work).await.unwrap_or_else(late)
}

/// At most [`CONNECTIONS`] connections and [`LOOKUPS`] more, made when they are needed. Clones share them.
#[derive(Clone)]
pub struct Connections {
    any: Arc<Shared>,
    by_key: Arc<Shared>,
}

struct Shared {
    options: PgConnectOptions,
    places: Arc<Semaphore>,
    most: usize,
    /// The one that came back last is lent first, so that those that are not needed stay idle.
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

impl Connections {
    pub fn new(options: PgConnectOptions) -> Self {
        let options = options.options(LIMITS);
        let by_key = Shared::new(options.clone().options(BY_KEY), LOOKUPS);
        Self { any: Shared::new(options, CONNECTIONS), by_key }
    }

    /// Lends a connection.
    pub async fn lend(&self) -> sqlx::Result<Lent> {
        Shared::lend(&self.any).await
    }

    /// Lends a connection to a statement that finds rows by their keys.
    pub(crate) async fn lend_by_key(&self) -> sqlx::Result<Lent> {
        Shared::lend(&self.by_key).await
    }

    /// Lends no more, and ends the connections that are idle.
    pub async fn close(&self) {
        self.any.close().await;
        self.by_key.close().await;
    }
}

impl Shared {
    fn new(options: PgConnectOptions, most: usize) -> Arc<Self> {
        Arc::new(Self { options, places: Arc::new(Semaphore::new(most)), most, idle: Mutex::default() })
    }

    async fn lend(self: &Arc<Self>) -> sqlx::Result<Lent> {
        let place = self.place().await?;
        let connection = self.connection().await?;
        Ok(Lent { connection, home: Arc::clone(self), place: Some(place) })
    }

    async fn connection(&self) -> sqlx::Result<PgConnection> {
        loop {
            let idle = self.idle().pop();
            let Some((mut connection, since)) = idle else {
                return timeout(PATIENCE, self.options.connect()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
            };
            // The server may have ended it meanwhile, and then all that were idle for as long.
            if since.elapsed() < TRUSTED || matches!(timeout(TRUSTED, connection.ping()).await, Ok(Ok(()))) {
                return Ok(connection);
            }
        }
    }

    async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // A server that is gone need not be told.
            let _ = timeout(TRUSTED, connection.close()).await;
        }
    }

    async fn place(&self) -> sqlx::Result<OwnedSemaphorePermit> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(place),
            Err(_) => timeout(PATIENCE, Arc::clone(&self.places).acquire_owned())
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)?
                .map_err(|_| sqlx::Error::PoolClosed),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. It goes back with [`Lent::done`]; dropped, it ends, because nobody knows what it was doing.
pub struct Lent {
    connection: PgConnection,
    home: Arc<Shared>,
    place: Option<OwnedSemaphorePermit>,
}

impl Lent {
    /// Waits for `work` without standing in the way of those who need a connection: meanwhile this one does not count.
    pub(crate) async fn apart<T>(&mut self, work: impl Future<Output = T>) -> sqlx::Result<T> {
        self.place = None;
        let done = work.await;
        self.place = Some(self.home.place().await?);
        Ok(done)
    }

    /// Gives the connection back after statements that ended so, if it can be used again. A transaction that was begun must be over.
    pub fn done<T>(self, outcome: sqlx::Result<T>) -> sqlx::Result<T> {
        let Self { connection, home, place: _place } = self;
        if outcome.as_ref().err().is_none_or(leaves_usable) {
            let mut idle = home.idle();
            // Of those that waited apart there may be more than are ever needed at once.
            if idle.len() < home.most {
                idle.push((connection, Instant::now()));
            }
        } else {
            // Whatever ended this one has most likely ended the others.
            home.idle().clear();
        }
        outcome
    }
}

/// Whether the connection can be used after this error: the server refused a statement, or its answer could not be read.
fn leaves_usable(error: &sqlx::Error) -> bool {
    match error {
        // A server that ends a session says so with one of these.
        sqlx::Error::Database(refused) => {
            refused.code().is_some_and(|code| !code.starts_with("57P") && !code.starts_with("08"))
        }
        sqlx::Error::RowNotFound
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::TypeNotFound { .. } => true,
        _ => false,
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use configmgt_stack::databases::Database;
    use futures_util::{FutureExt, future::try_join_all};
    use sqlx::{AssertSqlSafe, Row};

    use super::*;
    use crate::lookup::{Lookup, Rows};

    const NAMES: &str = "SELECT id, name FROM meetingroom WHERE id = ANY ($1)";

    async fn names(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, String> {
        sqlx::query_as(NAMES).bind(ids).fetch_all(connection).await
    }

    #[tokio::test]
    async fn a_row_is_found_by_its_key_while_all_other_connections_are_taken() {
        let database = Database::create().await.unwrap();
        let connections = Connections::new(database.of_service("meetingroom"));
        let rooms = Lookup::new(&connections, "SELECT name", |connection, ids| names(connection, ids).boxed());
        let mut taken = try_join_all((0..CONNECTIONS).map(|_| connections.lend())).await.unwrap();
        let insert = "INSERT INTO meetingroom (name, display_name, number) VALUES ('one', 'One', 1) RETURNING id";
        let id = sqlx::query_scalar(insert).fetch_one(&mut *taken[0]).await.unwrap();
        assert_eq!(rooms.get(id).await.unwrap().as_deref(), Some("one"));
        assert_eq!(rooms.get(id + 1).await.unwrap(), None);
    }

    #[tokio::test]
    async fn rows_are_found_by_an_index_also_where_the_table_was_last_seen_empty() {
        let database = Database::create().await.unwrap();
        let connections = Connections::new(database.of_service("meetingroom"));
        let plan = async |mut connection: Lent| {
            sqlx::raw_sql(AssertSqlSafe(format!("PREPARE names (integer[]) AS {NAMES}")))
                .execute(&mut *connection)
                .await
                .unwrap();
            let lines = sqlx::raw_sql("EXPLAIN EXECUTE names ('{1}')").fetch_all(&mut *connection).await.unwrap();
            lines.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
        };
        let by_key = plan(connections.lend_by_key().await.unwrap()).await;
        assert!(by_key.contains("Index") && by_key.contains("ANY ($1)"), "{by_key}");
        // Nothing else is kept from seeing that the table has few pages, or from looking at what it was given.
        let any = plan(connections.lend().await.unwrap()).await;
        assert!(!any.contains("$1"), "{any}");
    }
}

//! Rows looked up by their key for many requests at once.
//!
//! A round trip to the database costs more than the row. So what is asked for while statements are under way is read together by
//! the next one. A request that comes alone does not wait; and no request is answered from a statement that began before it
//! came, so whoever has seen a change sees it again.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::sync::oneshot;
use tracing::instrument;

use crate::connections::{Connections, in_time};

/// Reads the rows that have one of these keys.
pub type Read<K, V> = for<'connection> fn(&'connection mut PgConnection, Vec<K>) -> BoxFuture<'connection, Rows<K, V>>;

/// Rows with their keys; a key without a row is left out.
pub type Rows<K, V> = sqlx::Result<Vec<(K, V)>>;

/// A way to the rows of one table.
pub struct Lookup<K, V> {
    shared: Arc<Shared<K, V>>,
}

struct Shared<K, V> {
    connections: Connections,
    statement: &'static str,
    read: Read<K, V>,
    asked: Mutex<Asked<K, V>>,
}

struct Asked<K, V> {
    /// Who waits for which key.
    waiting: Vec<(K, oneshot::Sender<Found<V>>)>,
    /// How many statements are under way.
    reading: usize,
}

/// The most statements under way at a time: while the rows of one are on their way back, the database works on the other.
pub(crate) const READERS: usize = 2;

type Found<V> = Result<Option<V>, LookupError>;

/// The rows could not be read. All who waited for them get the same error.
#[derive(Debug, Clone)]
pub struct LookupError(Arc<sqlx::Error>);

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the row could not be read")
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

impl<K, V> Lookup<K, V>
where
    K: Copy + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    /// `statement` is what traces call it: `SELECT` and the table.
    pub fn new(connections: &Connections, statement: &'static str, read: Read<K, V>) -> Self {
        let asked = Mutex::new(Asked { waiting: Vec::new(), reading: 0 });
        Self { shared: Arc::new(Shared { connections: connections.clone(), statement, read, asked }) }
    }

    /// The row with this key, if there is one.
    #[instrument(
        level = "debug",
        name = "lookup",
        skip_all,
        fields(otel.name = self.shared.statement, otel.kind = "client", db.system.name = "postgresql")
    )]
    pub async fn get(&self, key: K) -> Found<V> {
        self.ask(key).await.unwrap_or_else(|_| Err(LookupError(Arc::new(sqlx::Error::WorkerCrashed))))
    }

    fn ask(&self, key: K) -> oneshot::Receiver<Found<V>> {
        let (sender, receiver) = oneshot::channel();
        let mut asked = self.shared.asked();
        asked.waiting.push((key, sender));
        if asked.reading < READERS {
            asked.reading += 1;
            tokio::spawn(Reader { shared: Arc::clone(&self.shared), done: false }.read());
        }
        receiver
    }
}

/// Reads for those who wait, one statement after the other.
struct Reader<K, V> {
    shared: Arc<Shared<K, V>>,
    done: bool,
}

impl<K, V> Reader<K, V>
where
    K: Copy + Eq + Hash,
    V: Clone,
{
    /// Reads until nobody waits.
    async fn read(mut self) {
        while let Some(waiting) = self.next() {
            let keys = waiting.iter().map(|(key, _)| *key).collect();
            let found = self.shared.rows(keys).await;
            for (key, sender) in waiting {
                // Whoever asked may just have given up.
                let _ = sender.send(found.as_ref().map(|rows| rows.get(&key).cloned()).map_err(Clone::clone));
            }
        }
    }

    /// All who wait now. With nobody left it ends its work under the same lock, so that whoever asks next begins a new one.
    fn next(&mut self) -> Option<Vec<(K, oneshot::Sender<Found<V>>)>> {
        let mut asked = self.shared.asked();
        if asked.waiting.is_empty() {
            asked.reading -= 1;
            self.done = true;
            return None;
        }
        Some(std::mem::take(&mut asked.waiting))
    }
}

/// One that panicked reads no more.
impl<K, V> Drop for Reader<K, V> {
    fn drop(&mut self) {
        if !self.done {
            self.shared.asked().reading -= 1;
        }
    }
}

impl<K, V> Shared<K, V>
where
    K: Copy + Eq + Hash,
    V: Clone,
{
    async fn rows(&self, keys: Vec<K>) -> Result<HashMap<K, V>, LookupError> {
        // Those who asked may be gone by the time, and two that hang would be all readers that there are.
        let read = in_time(async {
            let mut connection = self.connections.lend_by_key().await?;
            let rows = (self.read)(&mut connection, keys).await;
            connection.done(rows)
        });
        read.await.map(|rows| rows.into_iter().collect()).map_err(|error| LookupError(Arc::new(error)))
    }
}

impl<K, V> Shared<K, V> {
    fn asked(&self) -> MutexGuard<'_, Asked<K, V>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

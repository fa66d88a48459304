//! What nobody waits for, where the database falls silent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod proxy;

use std::{pin::pin, time::Duration};

use configmgt_runtime::{
    connections::Connections,
    listing,
    lookup::{Lookup, Rows},
};
use configmgt_stack::databases::Database;
use futures_util::{FutureExt, StreamExt, future::join};
use sqlx::PgConnection;
use tokio::time::timeout;

use proxy::Proxy;

/// Longer than anything that is not waited for may take.
const LONG: Duration = Duration::from_secs(15);

async fn connections() -> (Proxy, Connections) {
    let database = Database::create().await.unwrap();
    let proxy = Proxy::before(&database).await;
    let connections = Connections::new(proxy.through(database.of_service("meetingroom")));
    (proxy, connections)
}

async fn names(connection: &mut PgConnection, ids: Vec<i32>) -> Rows<i32, String> {
    sqlx::query_as("SELECT id, name FROM meetingroom WHERE id = ANY ($1)").bind(ids).fetch_all(connection).await
}

#[tokio::test]
async fn rows_are_found_again_after_all_readers_have_hung() {
    let (proxy, connections) = connections().await;
    let rooms = Lookup::new(&connections, "SELECT meetingroom", |connection, ids| names(connection, ids).boxed());
    let both = || async { join(rooms.get(1), rooms.get(2)).await };
    let (first, second) = both().await;
    assert_eq!((first.unwrap(), second.unwrap()), (None, None));
    proxy.fall_silent();
    let (first, second) = timeout(LONG, both()).await.unwrap();
    assert!(first.is_err() && second.is_err());
    assert_eq!(timeout(LONG, rooms.get(1)).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_list_whose_rows_do_not_come_breaks_off() {
    let (proxy, connections) = connections().await;
    let warm = connections.lend().await.unwrap();
    warm.done(Ok(())).unwrap();
    proxy.fall_silent();
    let read = move |above: i32| {
        let connections = connections.clone();
        async move {
            let mut connection = connections.lend().await?;
            let rows = sqlx::query_scalar("SELECT id FROM meetingroom WHERE id > $1").bind(above);
            let rows: sqlx::Result<Vec<i32>> = rows.fetch_all(&mut *connection).await;
            connection.done(rows)
        }
    };
    let mut rows = pin!(listing::batches(0, |id: &i32| *id, read));
    assert!(timeout(LONG, rows.next()).await.unwrap().unwrap().is_err());
}

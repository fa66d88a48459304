//! Listings that are read from the database while they are sent.

use std::sync::Arc;

use configmgt_contract::{BoxError, Listing};
use futures_util::{Stream, TryStreamExt, stream};
use serde::Serialize;

use crate::connections::in_time;

/// How many rows a listing reads at a time. A longer listing is not of one moment: an object that changes meanwhile is answered as
/// it was or as it is, but each object once.
pub const BATCH: i64 = 2000;

/// A listing of what `read` gives: at most [`BATCH`] rows above a key, in its order. The first ones are those above `least`.
pub fn by_key<T, R, K, F>(least: K, key: fn(&R) -> K, read: impl Fn(K) -> F + Send + Sync + 'static) -> Listing<T>
where
    T: From<R> + Serialize + Send + 'static,
    R: Send + 'static,
    K: Send + 'static,
    F: Future<Output = sqlx::Result<Vec<R>>> + Send + 'static,
{
    Listing::of_batches(batches(least, key, read).map_ok(|rows| rows.into_iter().map(T::from).collect()))
}

/// The batches of such a listing as they are read, for one that is made of more than rows of one kind. The first is read at once.
pub fn batches<R, K, F>(
    least: K,
    key: fn(&R) -> K,
    read: impl Fn(K) -> F + Send + Sync + 'static,
) -> impl Stream<Item = Result<Vec<R>, BoxError>> + Send + 'static
where
    R: Send + 'static,
    K: Send + 'static,
    F: Future<Output = sqlx::Result<Vec<R>>> + Send + 'static,
{
    let read = Arc::new(read);
    let first = tokio::spawn(in_time(read(least)));
    stream::try_unfold(Some(first), move |coming| {
        let read = Arc::clone(&read);
        async move {
            let Some(coming) = coming else { return Ok(None) };
            let rows = coming.await??;
            let full = usize::try_from(BATCH) == Ok(rows.len());
            let next = rows.last().filter(|_| full).map(|last| tokio::spawn(in_time(read(key(last)))));
            // So that its statement goes out before these rows are written, not after.
            tokio::task::yield_now().await;
            Ok::<_, BoxError>(Some((rows, next)))
        }
    })
}

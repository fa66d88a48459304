//! Listings that are read from the database while they are sent.

use configmgt_contract::Listing;
use futures_util::stream;
use serde::Serialize;

/// How many rows a listing reads at a time. A longer listing is not of one moment: an object that changes meanwhile is answered as
/// it was or as it is, but each object once.
pub const BATCH: i64 = 2000;

/// A listing of what `read` gives: at most [`BATCH`] rows above a key, in its order. The first ones are those above `least`.
pub fn by_key<T, R, K, F>(least: K, key: fn(&R) -> K, read: impl Fn(K) -> F + Send + 'static) -> Listing<T>
where
    T: From<R> + Serialize + Send + 'static,
    R: Send + 'static,
    K: Send + 'static,
    F: Future<Output = sqlx::Result<Vec<R>>> + Send + 'static,
{
    Listing::of_batches(stream::try_unfold(Some(least), move |after| {
        let batch = after.map(&read);
        async move {
            let Some(batch) = batch else { return Ok(None) };
            let rows = batch.await?;
            let full = usize::try_from(BATCH) == Ok(rows.len());
            let after = rows.last().map(key).filter(|_| full);
            Ok::<_, sqlx::Error>(Some((rows.into_iter().map(T::from).collect(), after)))
        }
    }))
}

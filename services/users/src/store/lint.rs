use std::collections::{HashMap, HashSet};

use configmgt_runtime::{connections::Connections, listing::BATCH};
use tracing::instrument;

/// A forward that takes effect.
pub(crate) struct ForwardRow {
    pub(crate) user_id: i32,
    /// The forward's place among those of its user.
    pub(crate) place: i32,
    pub(crate) kind: String,
    pub(crate) destination: String,
    pub(crate) context: String,
    /// Whether a line of the context or a queue has this number. A queue can be called from every context.
    pub(crate) is_known: bool,
}

/// A batch of the forwards behind this place, by user and place.
#[instrument(level = "debug", name = "SELECT forward", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn forwards_above(
    connections: Connections,
    (user_id, place): (i32, i32),
) -> sqlx::Result<Vec<ForwardRow>> {
    let rows = sqlx::query_as!(
        ForwardRow,
        r#"SELECT user_id AS "user_id!", place AS "place!", kind AS "kind!", destination AS "destination!",
                  context AS "context!",
                  EXISTS (SELECT FROM line l WHERE l.extension = f.destination AND l.context = f.context)
                  OR EXISTS (SELECT FROM known_queue q WHERE q.number = f.destination) AS "is_known!"
           FROM forward f
           -- The first condition is one of the second, for the index.
           WHERE user_id >= $1 AND (user_id, place) > ($1, $2)
           ORDER BY user_id, place LIMIT $3"#,
        user_id,
        place,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// How many characters the longest extension of each context has.
#[instrument(level = "debug", name = "SELECT line", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn longest_extensions(connections: &Connections) -> sqlx::Result<HashMap<String, usize>> {
    let rows = sqlx::query!(r#"SELECT context, max(length(extension)) AS "longest!" FROM line GROUP BY context"#);
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    let rows = connection.done(rows)?.into_iter();
    Ok(rows.map(|row| (row.context, usize::try_from(row.longest).unwrap_or_default())).collect())
}

/// A forward that takes effect and leads to another user's line, or to the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) user_id: i32,
    pub(crate) kind: String,
    /// Of the user who forwards.
    pub(crate) extension: String,
    /// Whose line it leads to.
    pub(crate) to: i32,
}

/// All forwards that lead to users who forward, too, by user: others are part of no circle.
#[instrument(level = "debug", name = "SELECT forward", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn forwards_to_forwards(connections: Connections) -> sqlx::Result<Vec<Forward>> {
    let rows = sqlx::query_as!(
        Forward,
        r#"SELECT f.user_id AS "user_id!", f.kind AS "kind!", f.extension AS "extension!", l.user_id AS "to!"
           FROM forward f
           JOIN line l ON l.extension = f.destination AND l.context = f.context
           WHERE EXISTS (SELECT FROM services s
                         WHERE s.user_id = l.user_id AND (s.unconditional_enabled OR s.busy_enabled OR s.noanswer_enabled))
           ORDER BY f.user_id, f.place"#
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// What a right names, of a user who has a login: another has no use of it.
pub(crate) struct NamedRow {
    pub(crate) user_id: i32,
    pub(crate) login: String,
    pub(crate) queue_ids: Vec<i32>,
    pub(crate) group_ids: Vec<i32>,
}

/// A batch of what the rights name of users above this one, by user.
#[instrument(level = "debug", name = "SELECT rights", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn named_above(connections: Connections, after: i32) -> sqlx::Result<Vec<NamedRow>> {
    let rows = sqlx::query_as!(
        NamedRow,
        r#"SELECT user_id, login AS "login!", coalesce(queue_ids, '{}') AS "queue_ids!", coalesce(group_ids, '{}') AS "group_ids!"
           FROM rights JOIN users ON id = user_id
           WHERE user_id > $1 AND login IS NOT NULL ORDER BY user_id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// The queues that exist, and the groups in which there are agents.
#[instrument(level = "debug", name = "SELECT known_queue", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn known(connections: &Connections) -> sqlx::Result<(HashSet<i32>, HashSet<i32>)> {
    let queues = sqlx::query_scalar!("SELECT id FROM known_queue");
    let groups = sqlx::query_scalar!("SELECT DISTINCT numgroup FROM known_agent");
    let mut connection = connections.lend().await?;
    let read = async { Ok((queues.fetch_all(&mut *connection).await?, groups.fetch_all(&mut *connection).await?)) };
    let read = read.await;
    let (queues, groups) = connection.done(read)?;
    Ok((queues.into_iter().collect(), groups.into_iter().collect()))
}

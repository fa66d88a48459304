use configmgt_runtime::connections::Connections;
use tracing::instrument;

/// An attempt at a user's password that may be made.
pub(crate) struct Attempt {
    /// How many there were since the right password, with this one.
    pub(crate) attempts: i32,
    /// Of the user with this name, where there is one and he has a password.
    pub(crate) password_hash: Option<String>,
}

/// Counts an attempt at the password of `username`, and gives what it is compared with; `None` where the name is blocked.
///
/// The fifth attempt blocks the name for a second, and each further one for twice as long as the one before, up to 5 minutes. An
/// attempt while it is blocked is not counted, and writes nothing.
#[instrument(level = "debug", name = "INSERT login_attempt", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn count_attempt(connections: &Connections, username: &str) -> sqlx::Result<Option<Attempt>> {
    let attempt = sqlx::query_as!(
        Attempt,
        r#"WITH counted AS (
               INSERT INTO login_attempt AS known (username, attempts, attempted_at)
               SELECT $1::text, 1, now()
               WHERE NOT EXISTS (SELECT FROM login_attempt WHERE username = $1 AND blocked_until > now())
               ON CONFLICT (username) DO UPDATE SET
                   attempts = known.attempts + 1,
                   attempted_at = now(),
                   blocked_until = CASE
                       WHEN known.attempts < 4 THEN '-infinity'
                       ELSE now() + make_interval(secs => least(300, 2 ^ least(known.attempts - 4, 9)))
                   END
               WHERE known.blocked_until <= now()
               RETURNING attempts
           )
           SELECT counted.attempts AS "attempts!", users.password_hash AS "password_hash?"
           FROM counted LEFT JOIN users ON users.login = $1"#,
        username
    );
    let mut connection = connections.lend().await?;
    let attempt = attempt.fetch_optional(&mut *connection).await;
    connection.done(attempt)
}

/// For how many seconds more the name is blocked, as far as it still is.
#[instrument(level = "debug", name = "SELECT login_attempt", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn blocked_for(connections: &Connections, username: &str) -> sqlx::Result<Option<i32>> {
    let seconds = sqlx::query_scalar!(
        r#"SELECT ceil(extract(epoch FROM blocked_until - now()))::integer AS "seconds!" FROM login_attempt
         WHERE username = $1 AND blocked_until > now()"#,
        username
    );
    let mut connection = connections.lend().await?;
    let seconds = seconds.fetch_optional(&mut *connection).await;
    connection.done(seconds)
}

/// Forgets the attempts at a user's password.
#[instrument(level = "debug", name = "DELETE login_attempt", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn clear_attempts(connections: &Connections, username: &str) -> sqlx::Result<()> {
    let clearing = sqlx::query!("DELETE FROM login_attempt WHERE username = $1", username);
    let mut connection = connections.lend().await?;
    let cleared = clearing.execute(&mut *connection).await;
    connection.done(cleared.map(|_| ()))
}

/// Forgets up to 100 names at which nothing was attempted for an hour: after that long, to begin anew gains an attacker no more
/// guesses than to go on.
#[instrument(level = "debug", name = "DELETE login_attempt", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn forget_attempts(connections: &Connections) -> sqlx::Result<()> {
    let forgetting = sqlx::query!(
        "DELETE FROM login_attempt WHERE username IN (
             SELECT username FROM login_attempt WHERE attempted_at < now() - interval '1 hour' ORDER BY attempted_at
             LIMIT 100 FOR UPDATE SKIP LOCKED)"
    );
    let mut connection = connections.lend().await?;
    let forgotten = forgetting.execute(&mut *connection).await;
    connection.done(forgotten.map(|_| ()))
}

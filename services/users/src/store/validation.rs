use configmgt_runtime::connections::Connections;
use tracing::instrument;

/// An attempt at a user's password.
pub(crate) enum Attempt {
    /// It may be made.
    Counted {
        /// How many there were since the right password, with this one.
        attempts: i32,
        /// Of the user with this name, where there is one and he has a password.
        password_hash: Option<String>,
    },
    /// For so many seconds more the name is blocked.
    Blocked { seconds: i32 },
}

/// Counts an attempt at the password of `username`, and gives what it is compared with.
///
/// The fifth attempt blocks the name for a second, and each further one for twice as long as the one before, up to 5 minutes. An
/// attempt while it is blocked is not counted, and writes nothing.
#[instrument(level = "debug", name = "INSERT login_attempt", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn count_attempt(connections: &Connections, username: &str) -> sqlx::Result<Attempt> {
    let attempt = sqlx::query!(
        r#"WITH blocked AS (
               -- Whoever blocked it may have come after this statement, so it is counted from now on.
               SELECT greatest(1, ceil(extract(epoch FROM blocked_until - clock_timestamp())))::integer AS seconds
               FROM login_attempt WHERE username = $1 AND blocked_until > now()
           ), counted AS (
               INSERT INTO login_attempt AS known (username, attempts, attempted_at)
               SELECT $1::text, 1, now() WHERE NOT EXISTS (SELECT FROM blocked)
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
           SELECT counted.attempts AS "attempts?", users.password_hash AS "password_hash?", blocked.seconds AS "seconds?"
           FROM (VALUES (1)) AS one
           LEFT JOIN blocked ON true
           LEFT JOIN counted ON true
           LEFT JOIN users ON counted.attempts IS NOT NULL AND users.login = $1"#,
        username
    );
    let mut connection = connections.lend().await?;
    let row = attempt.fetch_one(&mut *connection).await;
    let row = connection.done(row)?;
    Ok(match row.attempts {
        Some(attempts) => Attempt::Counted { attempts, password_hash: row.password_hash },
        // Where another attempt has just blocked it, the next second is as good as any.
        None => Attempt::Blocked { seconds: row.seconds.unwrap_or(1) },
    })
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

//! The same SQL without anything in front of it: PostgreSQL's own load generator.

use std::{fs, path::Path, process::Command, time::Duration};

use configmgt_contract::BoxError;
use configmgt_stack::scratch;

use crate::{
    load::{Load, Outcome},
    stand::Stand,
};

/// Reads one room.
pub(crate) const GET: &str = "
    \\set id random(1, :rooms)
    SELECT id, name, display_name, number, user_pin, version FROM reference.room WHERE id = :id;";

/// Finds one room by its number, as the product does.
pub(crate) const FIND: &str = "
    \\set number random(1001, 1000 + :rooms)
    SELECT matches.total, page.*
    FROM (SELECT count(*) AS total FROM reference.room WHERE number = :number) AS matches
    LEFT JOIN LATERAL (SELECT id, name, display_name, number, user_pin FROM reference.room
                       WHERE number = :number ORDER BY number, id LIMIT 100 OFFSET 0) AS page ON true
    ORDER BY number, id;";

/// Finds rooms by a pattern, as the product does.
pub(crate) const SEARCH: &str = "
    \\set start random(100, 999)
    SELECT matches.total, page.*
    FROM (SELECT count(*) AS total FROM reference.room
          WHERE display_name LIKE 'Meeting room number ' || :start || '%') AS matches
    LEFT JOIN LATERAL (SELECT id, name, display_name, number, user_pin FROM reference.room
                       WHERE display_name LIKE 'Meeting room number ' || :start || '%'
                       ORDER BY display_name, id LIMIT 10 OFFSET 0) AS page ON true
    ORDER BY display_name, id;";

/// Changes one room, and writes what the product writes beside it: the change with the room before and after it, the change's place
/// among those to be published, and the answer under its key. One statement, and so one transaction. The name is another one each
/// time, as the product's is: else the table's indexes would have nothing to do.
pub(crate) const UPDATE: &str = "
    \\set id random(1, :rooms)
    \\set changed random(1, 9000000000000000000)
    WITH before AS (SELECT * FROM reference.room WHERE id = :id FOR UPDATE),
    changed AS (UPDATE reference.room SET display_name = 'Changed ' || :changed, version = version + 1 WHERE id = :id RETURNING *),
    journaled AS (INSERT INTO reference.journal (object_id, object_version, action, actor, before, after)
                  SELECT changed.id::text, changed.version, 'updated', 'pgbench', to_jsonb(before), to_jsonb(changed)
                  FROM changed, before RETURNING id, event_id),
    outboxed AS (INSERT INTO reference.journal_outbox SELECT id FROM journaled)
    INSERT INTO reference.idempotency (actor, key, fingerprint, reply, version)
    SELECT 'pgbench', event_id::text, uuid_send(event_id), convert_to(to_jsonb(changed)::text, 'UTF8'), version
    FROM changed, journaled;";

/// The same for a new room.
pub(crate) const CREATE: &str = "
    \\set number random(1000000000, 9000000000000)
    WITH changed AS (INSERT INTO reference.room (name, display_name, number)
                     VALUES ('new' || :number, 'New', :number) RETURNING *),
    journaled AS (INSERT INTO reference.journal (object_id, object_version, action, actor, after)
                  SELECT id::text, version, 'created', 'pgbench', to_jsonb(changed) FROM changed RETURNING id, event_id),
    outboxed AS (INSERT INTO reference.journal_outbox SELECT id FROM journaled)
    INSERT INTO reference.idempotency (actor, key, fingerprint, reply, version)
    SELECT 'pgbench', event_id::text, uuid_send(event_id), convert_to(to_jsonb(changed)::text, 'UTF8'), version
    FROM changed, journaled;";

/// Reads all rooms.
pub(crate) const LIST: &str = "SELECT id, name, display_name, number, user_pin FROM reference.room ORDER BY id;";

/// Runs `script` with prepared statements for as long as `load` says.
pub(crate) async fn run(stand: &Stand, script: &'static str, rooms: u32, load: Load) -> Result<Outcome, BoxError> {
    let program = scratch::tools()?.postgres_bin.join("pgbench");
    let folder = std::env::temp_dir().join(format!("configmgt-pgbench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let file = folder.join("script.sql");
    fs::write(&file, script)?;
    let watched = crate::usage::Watched::default().postgres(&stand.postgres);
    let before = watched.usage()?;
    let url = stand.site.database.clone();
    let ran = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || run_program(&program, &file, &folder, rooms, load, &url)
    });
    let took = ran.await??;
    let usage = watched.usage()?.since(&before);
    let micros = latencies(&folder)?;
    fs::remove_dir_all(&folder)?;
    Ok(Outcome::new(took, micros, usage))
}

/// Gives how long it ran, without connecting.
fn run_program(
    program: &Path,
    script: &Path,
    folder: &Path,
    rooms: u32,
    load: Load,
    database: &sqlx::postgres::PgConnectOptions,
) -> Result<Duration, BoxError> {
    use sqlx::ConnectOptions;

    // What follows the `?` is for sqlx.
    let mut url = database.to_url_lossy();
    url.set_query(None);
    let seconds = load.duration.as_secs().max(1);
    let output = Command::new(program)
        .current_dir(folder)
        .args(["--no-vacuum", "--protocol=prepared", "--log", "--jobs=1"])
        .arg(format!("--client={}", load.connections))
        .arg(format!("--time={seconds}"))
        .arg(format!("--define=rooms={rooms}"))
        .arg(format!("--file={}", script.display()))
        .arg(url.as_str())
        .output()?;
    if !output.status.success() {
        return Err(format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Duration::from_secs(seconds))
}

/// The third field of each line of the log: microseconds.
fn latencies(folder: &Path) -> Result<Vec<u32>, BoxError> {
    let mut micros = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            continue;
        }
        for line in fs::read_to_string(path)?.lines() {
            micros.push(line.split(' ').nth(2).ok_or("an unknown line in pgbench's log")?.parse()?);
        }
    }
    Ok(micros)
}

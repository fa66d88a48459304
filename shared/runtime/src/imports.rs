//! Imports from CSV: what those of all kinds share.
//!
//! A file is read as it comes and stored batch by batch, in the transaction of the one write that an import is: as a whole or not at
//! all. Beside that, in the table `import` of the service's schema, is told how far it has come.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use configmgt_contract::{
    Call, Failure, Fault, Outcome, Refusal, Upload,
    imports::{self as contract, GetImport, Import, ImportOptions, ImportState, ImportsRefusal},
    line_errors::LineErrors,
};
use sqlx::{PgConnection, Row as _};
use tracing::{instrument, warn};
use uuid::Uuid;

use crate::{
    connections::Connections,
    csv::{Column, Errors, Reader, Row},
    journal::{Change, Journal},
    journaled,
    written::Written,
};

/// Bytes that are read at a time, so that the rows made of them are few however short they are.
const READ: usize = 16 * 1024;

/// How often is told how far an import has come.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What becomes of the rows of a file.
pub trait Batches: Send {
    type Refusal: Refusal;

    /// Takes a row, and adds what is wrong with it.
    fn read(&mut self, row: Row<'_>, errors: &mut Errors);

    /// Whether enough is waiting to be stored.
    fn are_due(&self) -> bool;

    /// Stores what is waiting and can be, and adds what is in the way of the rest.
    fn store(
        &mut self,
        change: &mut Change,
        errors: &mut Errors,
    ) -> impl Future<Output = Result<(), Failure<Self::Refusal>>> + Send;

    /// How many objects were created so far.
    fn created(&self) -> u64;

    /// The refusal of a file with these errors.
    fn bad_csv(errors: LineErrors) -> Self::Refusal;
}

/// How an import ended that can be answered.
#[derive(Debug)]
pub struct Ended {
    pub created: u64,
    /// What is wrong with the file: only a dry run ends well with any.
    pub errors: Errors,
}

/// Imports `content`, and tells how far it has come if the client wants to follow it.
pub async fn import<B: Batches>(
    change: &mut Change,
    kind: &'static str,
    columns: &'static [Column],
    ImportOptions { dry_run, import: id }: ImportOptions,
    batches: &mut B,
    content: &mut Upload,
) -> Result<Ended, Failure<B::Refusal>> {
    let mut progress = Progress::begin(change.connections().clone(), kind, id).await;
    let outcome = run(change, columns, dry_run, batches, &mut progress, content).await;
    if let Err(failure) = &outcome {
        progress.failed(&message(failure)).await;
    }
    outcome
}

async fn run<B: Batches>(
    change: &mut Change,
    columns: &'static [Column],
    dry_run: bool,
    batches: &mut B,
    progress: &mut Progress,
    content: &mut Upload,
) -> Result<Ended, Failure<B::Refusal>> {
    // The database does not know yet how many rows there are by the end: it would read all of them for each batch.
    execute(change.connection(), "SET LOCAL enable_seqscan = off").await?;
    if dry_run {
        execute(change.connection(), "SAVEPOINT trial").await?;
    }
    let refused = |errors: &Errors| Err(Failure::Refused(B::bad_csv(errors.listed())));
    let mut reader = Reader::new(columns);
    while let Some(piece) = change.next_piece(content).await? {
        for part in piece.chunks(READ) {
            reader.push(part, &mut |row, errors| batches.read(row, errors));
            if is_lost(reader.errors()) {
                return refused(reader.errors());
            }
            if batches.are_due() {
                batches.store(change, reader.errors_mut()).await?;
            }
            progress.tell(reader.rows()).await;
        }
    }
    let (rows, mut errors) = reader.finish(&mut |row, errors| batches.read(row, errors));
    if is_lost(&errors) {
        return refused(&errors);
    }
    batches.store(change, &mut errors).await?;
    if dry_run {
        execute(change.connection(), "ROLLBACK TO SAVEPOINT trial").await?;
    } else if errors.total() > 0 {
        return refused(&errors);
    }
    let created = batches.created();
    if let Some(id) = progress.id {
        done(change.connection(), id, rows, (!dry_run).then_some(created)).await?;
    }
    Ok(Ended { created, errors })
}

/// Whether the header is bad: then no line can be understood.
fn is_lost(errors: &Errors) -> bool {
    errors.kept().first().is_some_and(|error| error.line == 1)
}

/// What a client may know of why an import failed.
fn message<R: Refusal>(failure: &Failure<R>) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Broken(error) => match error.downcast_ref::<Fault>() {
            Some(fault) => fault.message.clone(),
            None => "the import was broken off".to_owned(),
        },
    }
}

/// A row as it is read: what is wrong with it goes to its errors.
pub struct Fields<'row> {
    row: Row<'row>,
    errors: &'row mut Errors,
    refused: bool,
}

impl<'row> Fields<'row> {
    pub const fn of(row: Row<'row>, errors: &'row mut Errors) -> Self {
        Self { row, errors, refused: false }
    }

    /// The number of its line.
    pub const fn line(&self) -> u64 {
        self.row.line
    }

    /// A field that has something to read.
    pub fn get(&self, column: &str) -> Option<&'row str> {
        self.row.get(column).filter(|field| !field.trim().is_empty())
    }

    pub fn refuse(&mut self, column: &'static str, reason: impl Into<String>) {
        self.refused = true;
        self.errors.add(self.row.line, Some(column), reason);
    }

    /// Whether something was wrong with it.
    pub const fn is_refused(&self) -> bool {
        self.refused
    }

    /// What `parse` makes of the field, if it has something to read.
    pub fn parsed<T>(&mut self, column: &'static str, parse: impl FnOnce(&'row str) -> Result<T, String>) -> Option<T> {
        match parse(self.get(column)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(column, reason);
                None
            }
        }
    }
}

/// How the imports of a service fare.
pub struct Imports {
    journal: Journal,
}

impl Imports {
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Imports);

impl contract::Imports for Imports {
    async fn get(&self, _: &Call, GetImport { id }: GetImport) -> Outcome<GetImport> {
        let mut connection = self.journal.connections().lend().await?;
        let import = get(&mut connection, id).await;
        connection.done(import)?.ok_or_else(|| ImportsRefusal::NotFound { id }.into())
    }
}

/// Tells how far an import has come, beside the import's own transaction. It is not worth an import: an error is only logged.
struct Progress {
    connections: Connections,
    kind: &'static str,
    id: Option<Uuid>,
    told: Instant,
}

/// What is told of an import while it is under way.
enum Told<'told> {
    Begun,
    /// So many rows are read.
    Read(u64),
    Failed(&'told str),
}

impl Progress {
    async fn begin(connections: Connections, kind: &'static str, id: Option<Uuid>) -> Self {
        let progress = Self { connections, kind, id, told: Instant::now() };
        progress.write(Told::Begun).await;
        progress
    }

    async fn tell(&mut self, rows: u64) {
        if self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            self.write(Told::Read(rows)).await;
        }
    }

    async fn failed(&self, message: &str) {
        self.write(Told::Failed(message)).await;
    }

    async fn write(&self, told: Told<'_>) {
        let Some(id) = self.id else { return };
        let written = async {
            let mut connection = self.connections.lend().await?;
            let written = tell(&mut connection, self.kind, id, told).await;
            connection.done(written)
        };
        if let Err(error) = written.await {
            warn!(%error, %id, "how far an import has come could not be told");
        }
    }
}

/// An import that is done stays as it is: it may be asked for again under its key.
#[instrument(level = "debug", name = "UPDATE import", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn tell(connection: &mut PgConnection, kind: &str, id: Uuid, told: Told<'_>) -> sqlx::Result<()> {
    let told = match told {
        Told::Begun => {
            sqlx::query("DELETE FROM import WHERE updated_at < now() - interval '1 day'")
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO import (id, kind, state) VALUES ($1, $2, 'running')
                 ON CONFLICT (id) DO UPDATE
                     SET state = 'running', rows_read = 0, message = NULL, started_at = now(), updated_at = now()
                     WHERE import.state <> 'done'",
            )
            .bind(id)
            .bind(kind)
        }
        Told::Read(rows) => {
            sqlx::query("UPDATE import SET rows_read = $2, updated_at = now() WHERE id = $1 AND state = 'running'")
                .bind(id)
                .bind(bigint(rows))
        }
        Told::Failed(message) => sqlx::query(
            "UPDATE import SET state = 'failed', message = $2, updated_at = now() WHERE id = $1 AND state = 'running'",
        )
        .bind(id)
        .bind(message),
    };
    told.execute(connection).await.map(|_| ())
}

/// Part of the import's own transaction: it is done when that is committed.
#[instrument(level = "debug", name = "UPDATE import", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn done(connection: &mut PgConnection, id: Uuid, rows: u64, imported: Option<u64>) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE import SET state = 'done', rows_read = $2, imported = $3, updated_at = clock_timestamp()
         WHERE id = $1 AND state = 'running'",
    )
    .bind(id)
    .bind(bigint(rows))
    .bind(imported.map(bigint))
    .execute(connection)
    .await
    .map(|_| ())
}

/// One that runs and was not heard of for a minute runs no more: its instance died.
#[instrument(level = "debug", name = "SELECT import", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn get(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Import>> {
    let row = sqlx::query(
        r#"SELECT i.id, i.kind, i.rows_read, i.imported,
                  CASE WHEN lost THEN 'failed' ELSE i.state END AS state,
                  CASE WHEN lost THEN 'the import was broken off' ELSE i.message END AS message,
                  to_char(i.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS started_at,
                  to_char(i.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
           FROM import i, LATERAL (SELECT i.state = 'running' AND i.updated_at < now() - interval '1 minute') AS heard(lost)
           WHERE i.id = $1 AND i.updated_at > now() - interval '1 day'"#,
    );
    let Some(row) = row.bind(id).fetch_optional(connection).await? else { return Ok(None) };
    let Written::<ImportState>(state) = row.try_get("state")?;
    Ok(Some(Import {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        state,
        rows_read: row.try_get("rows_read")?,
        imported: row.try_get("imported")?,
        message: row.try_get("message")?,
        started_at: row.try_get("started_at")?,
        updated_at: row.try_get("updated_at")?,
    }))
}

async fn execute(connection: &mut PgConnection, statement: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(statement).execute(connection).await.map(|_| ())
}

fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! The rules of the import of users.

use std::time::{Duration, Instant};

use configmgt_contract::{
    Call, Failure, Fault, Outcome, Owner, Upload,
    lines::LineType,
    password::Password,
    user_import::{self as contract, GetImport, ImportRefusal, ImportUsers, Imported},
};
use configmgt_runtime::{
    connections::Connections,
    csv::{Column, Errors, Reader, Row},
    journal::{Change, Journal},
    text,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::types::Uuid;
use tracing::warn;

use crate::{
    lines,
    password::{HashingError, Passwords},
    store::{
        broken_constraint,
        lines::NewLine,
        user_import::{self as store, NewUser},
    },
    users,
};

const COLUMNS: &[Column] = &[
    Column { name: "firstname", required: true },
    Column { name: "lastname", required: false },
    Column { name: "login", required: false },
    Column { name: "password", required: false },
    Column { name: "email", required: false },
    Column { name: "mobilePhoneNumber", required: false },
    Column { name: "externalPhoneNumber", required: false },
    Column { name: "entity", required: false },
    Column { name: "labels", required: false },
    Column { name: "lineType", required: false },
    Column { name: "extension", required: false },
    Column { name: "context", required: false },
    Column { name: "site", required: false },
    Column { name: "lineNum", required: false },
    Column { name: "device", required: false },
];

/// What makes a line, and what it may have beside that.
const OF_A_LINE: [&str; 3] = ["lineType", "extension", "context"];
const BESIDE_A_LINE: [&str; 3] = ["site", "lineNum", "device"];

/// How many users go into the database at once. With passwords they are fewer, which take 15 ms each and more.
const BATCH: usize = 1_000;
const BATCH_PASSWORDS: usize = 200;

/// Bytes that are read at a time, so that the rows made of them are few however short they are.
const READ: usize = 16 * 1024;

/// Passwords of an import that are hashed or wait for that at a time, so that most places are left to those who log in.
const HASHED_AHEAD: usize = 2;

/// How often is told how far an import has come.
const TOLD_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct UserImport {
    journal: Journal,
    passwords: Passwords,
}

impl UserImport {
    pub(crate) const fn new(journal: Journal, passwords: Passwords) -> Self {
        Self { journal, passwords }
    }

    async fn import(
        &self,
        change: &mut Change,
        dry_run: bool,
        progress: &mut Progress<'_>,
        mut content: Upload,
    ) -> Result<Imported, Failure<ImportRefusal>> {
        if dry_run {
            store::begin_trial(change.connection()).await?;
        }
        let mut batches = Batches { passwords: &self.passwords, dry_run, rows: 0, waiting: Vec::new(), created: 0 };
        let mut reader = Reader::new(COLUMNS);
        while let Some(piece) = change.next_piece(&mut content).await? {
            for part in piece.chunks(READ) {
                reader.push(part, &mut |row, errors| batches.read(row, errors));
                if is_lost(reader.errors()) {
                    return Err(bad_csv(reader.errors()));
                }
                if batches.are_due() {
                    batches.store(change, reader.errors_mut()).await?;
                }
                progress.tell(batches.rows).await;
            }
        }
        let ended = reader.finish(&mut |row, errors| batches.read(row, errors));
        let mut errors = ended.err().unwrap_or_default();
        if is_lost(&errors) {
            return Err(bad_csv(&errors));
        }
        batches.store(change, &mut errors).await?;
        let imported = batches.created;
        let outcome = if dry_run {
            store::end_trial(change.connection()).await?;
            Imported::Tried { created: imported, refused: errors.lines(), errors: errors.listed().first }
        } else if errors.total() > 0 {
            return Err(bad_csv(&errors));
        } else {
            Imported::Done { imported }
        };
        if let Some(id) = progress.id {
            store::done(change.connection(), id, batches.rows, (!dry_run).then_some(imported)).await?;
        }
        Ok(outcome)
    }
}

impl Owner for UserImport {
    type Changes = Journal;

    fn changes(&self) -> &Journal {
        &self.journal
    }
}

impl contract::UserImport for UserImport {
    async fn users(
        &self,
        change: &mut Change,
        ImportUsers { dry_run, import }: ImportUsers,
        content: Upload,
    ) -> Outcome<ImportUsers> {
        if !store::claim(change.connection()).await? {
            return Err(ImportRefusal::UnderWay {}.into());
        }
        let mut progress = Progress::begin(self.journal.connections(), import).await;
        let outcome = self.import(change, dry_run, &mut progress, content).await;
        if let Err(failure) = &outcome {
            progress.failed(&message(failure)).await;
        }
        outcome
    }

    async fn get(&self, _: &Call, GetImport { id }: GetImport) -> Outcome<GetImport> {
        let mut connection = self.journal.connections().lend().await?;
        let import = store::get(&mut connection, id).await;
        connection.done(import)?.ok_or_else(|| ImportRefusal::NotFound { id }.into())
    }
}

/// The users that are read and not yet stored.
struct Batches<'import> {
    passwords: &'import Passwords,
    dry_run: bool,
    /// How many have been read.
    rows: u64,
    waiting: Vec<NewUser>,
    created: u64,
}

impl Batches<'_> {
    fn read(&mut self, row: Row<'_>, errors: &mut Errors) {
        self.rows += 1;
        self.waiting.extend(checked(row, errors));
    }

    fn are_due(&self) -> bool {
        self.waiting.len() >= BATCH
            || self.waiting.iter().filter(|user| user.password.is_some()).count() >= BATCH_PASSWORDS
    }

    /// Stores those that can be, and adds what is in the way of the others.
    async fn store(&mut self, change: &mut Change, errors: &mut Errors) -> Result<(), Failure<ImportRefusal>> {
        let mut waiting = std::mem::take(&mut self.waiting);
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(BATCH));
            let mut users = std::mem::replace(&mut waiting, rest);
            for problem in store::problems(change.connection(), &users).await? {
                users.retain(|user| user.line != problem.line);
                errors.add(u64::try_from(problem.line).unwrap_or_default(), problem.column(), problem.reason());
            }
            let hashes = if self.dry_run || errors.total() > 0 {
                // They are not kept.
                vec![None; users.len()]
            } else {
                let passwords = users.iter_mut().map(|user| user.password.take()).collect();
                change.alive(hashes(self.passwords, passwords)).await?
            };
            store::insert(change.connection(), &users, &hashes).await.map_err(refused)?;
            self.created += users.len() as u64;
        }
        Ok(())
    }
}

async fn hashes(pool: &Passwords, passwords: Vec<Option<Password>>) -> Result<Vec<Option<String>>, HashingError> {
    let hashes = stream::iter(passwords).map(|password| {
        let pool = pool.clone();
        async move {
            match password {
                Some(password) => pool.next_place().await?.hash(password).await.map(Some),
                None => Ok(None),
            }
        }
    });
    hashes.buffered(HASHED_AHEAD).try_collect().await
}

/// Tells how far an import has come, beside the import's own transaction. It is not worth an import: an error is only logged.
struct Progress<'import> {
    connections: &'import Connections,
    id: Option<Uuid>,
    told: Instant,
}

impl<'import> Progress<'import> {
    async fn begin(connections: &'import Connections, id: Option<Uuid>) -> Self {
        let progress = Self { connections, id, told: Instant::now() };
        progress.write(store::Told::Begun).await;
        progress
    }

    async fn tell(&mut self, rows: u64) {
        if self.told.elapsed() >= TOLD_EVERY {
            self.told = Instant::now();
            self.write(store::Told::Read(rows)).await;
        }
    }

    async fn failed(&self, message: &str) {
        self.write(store::Told::Failed(message)).await;
    }

    async fn write(&self, told: store::Told<'_>) {
        let Some(id) = self.id else { return };
        let written = async {
            let mut connection = self.connections.lend().await?;
            let written = store::tell(&mut connection, id, told).await;
            connection.done(written)
        };
        if let Err(error) = written.await {
            warn!(%error, %id, "how far an import has come could not be told");
        }
    }
}

/// A row as it is read: what is wrong with it goes to its errors.
struct Fields<'row> {
    row: Row<'row>,
    errors: &'row mut Errors,
    refused: bool,
}

impl<'row> Fields<'row> {
    /// A field that has something to read.
    fn get(&self, column: &str) -> Option<&'row str> {
        self.row.get(column).filter(|field| !field.trim().is_empty())
    }

    fn refuse(&mut self, column: &'static str, reason: impl Into<String>) {
        self.refused = true;
        self.errors.add(self.row.line, Some(column), reason);
    }

    fn parsed<T>(&mut self, column: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.get(column)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.refuse(column, reason);
                None
            }
        }
    }

    fn text(&mut self, column: &'static str, max: usize) -> Option<String> {
        self.parsed(column, |field| text::fits(field, max).map(|()| field.to_owned()))
    }

    fn line(&mut self) -> Option<NewLine> {
        if OF_A_LINE.iter().all(|column| self.get(column).is_none()) {
            for column in BESIDE_A_LINE {
                if self.get(column).is_some() {
                    self.refuse(column, "there is no line without lineType, extension and context");
                }
            }
            return None;
        }
        for column in OF_A_LINE {
            if self.get(column).is_none() {
                self.refuse(column, "a line needs it");
            }
        }
        let line_type = self.parsed("lineType", |field| {
            field.parse().map_err(|_| format!("is none of {}", LineType::ALL.map(LineType::name).join(", ")))
        });
        let extension = self.parsed("extension", |field| text::dialled(field).map(|()| field.to_owned()));
        let context = self.text("context", text::MAX);
        let site = self.text("site", text::MAX);
        let line_num = self.parsed("lineNum", |field| lines::line_num(field.parse().ok()));
        let device = self.parsed("device", |field| lines::device(field).map(|()| field.to_owned()));
        let (line_type, extension, context) = (line_type?, extension?, context?);
        Some(NewLine {
            line_type,
            name: lines::name(line_type, &extension, &context),
            context,
            extension,
            site: site.unwrap_or_else(|| lines::DEFAULT_SITE.to_owned()),
            line_num: line_num.unwrap_or(lines::DEFAULT_LINE_NUM),
            device,
        })
    }
}

/// The user that a row is, unless something is wrong with it.
fn checked(row: Row<'_>, errors: &mut Errors) -> Option<NewUser> {
    let mut fields = Fields { row, errors, refused: false };
    let firstname = fields.text("firstname", text::MAX);
    if fields.get("firstname").is_none() {
        fields.refuse("firstname", "must not be empty");
    }
    let user = NewUser {
        line: i64::try_from(row.line).unwrap_or(i64::MAX),
        firstname: firstname.unwrap_or_default(),
        lastname: fields.text("lastname", text::MAX).unwrap_or_default(),
        login: fields.text("login", text::MAX),
        password: fields.parsed("password", Password::new),
        email: fields.text("email", users::MAX_EMAIL),
        mobile_phone_number: fields.text("mobilePhoneNumber", text::MAX),
        external_phone_number: fields.text("externalPhoneNumber", text::MAX),
        entity: fields.text("entity", text::MAX),
        labels: fields.parsed("labels", labels).unwrap_or_default(),
        telephone: fields.line(),
    };
    (!fields.refused).then_some(user)
}

/// The names between the commas, each once.
fn labels(field: &str) -> Result<String, String> {
    let mut labels = Vec::new();
    for label in field.split(',').map(str::trim).filter(|label| !label.is_empty()) {
        text::fits(label, text::MAX)?;
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    if labels.len() > users::MAX_LABELS {
        return Err(format!("has more than {} items", users::MAX_LABELS));
    }
    Ok(labels.join(","))
}

/// Whether the header is bad: then no line can be understood.
fn is_lost(errors: &Errors) -> bool {
    errors.kept().first().is_some_and(|error| error.line == 1)
}

fn bad_csv(errors: &Errors) -> Failure<ImportRefusal> {
    ImportRefusal::BadCsv { errors: errors.listed() }.into()
}

fn refused(error: sqlx::Error) -> Failure<ImportRefusal> {
    match broken_constraint(&error) {
        // A SIP line for which there was no code.
        Some("line_provisioning_id") => ImportRefusal::NothingFree {}.into(),
        _ => error.into(),
    }
}

/// What a client may know of why an import failed.
fn message(failure: &Failure<ImportRefusal>) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Broken(error) => match error.downcast_ref::<Fault>() {
            Some(fault) => fault.message.clone(),
            None => "the import was broken off".to_owned(),
        },
    }
}

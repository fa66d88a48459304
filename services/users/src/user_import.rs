//! The rules of the import of users.

use configmgt_contract::{
    Failure, Outcome, Upload,
    line_errors::LineErrors,
    lines::LineType,
    password::Password,
    user_import::{self as contract, ImportRefusal, ImportUsers, Imported},
};
use configmgt_runtime::{
    csv::{Column, Errors, Row},
    imports::{self, Fields},
    journal::{Change, Journal},
    journaled, text,
};
use futures_util::{StreamExt, TryStreamExt, stream};

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

/// Passwords of an import that are hashed or wait for that at a time, so that most places are left to those who log in.
const HASHED_AHEAD: usize = 2;

pub(crate) struct UserImport {
    journal: Journal,
    passwords: Passwords,
}

impl UserImport {
    pub(crate) const fn new(journal: Journal, passwords: Passwords) -> Self {
        Self { journal, passwords }
    }
}

journaled!(UserImport);

impl contract::UserImport for UserImport {
    async fn users(
        &self,
        change: &mut Change,
        ImportUsers(options): ImportUsers,
        content: &mut Upload,
    ) -> Outcome<ImportUsers> {
        if !store::claim(change.connection()).await? {
            return Err(ImportRefusal::UnderWay {}.into());
        }
        let dry_run = options.dry_run;
        let mut batches = Batches { passwords: &self.passwords, dry_run, waiting: Vec::new(), created: 0 };
        let ended = imports::import(change, "users", COLUMNS, options, &mut batches, content).await?;
        Ok(if dry_run {
            Imported::Tried {
                created: ended.created,
                refused: ended.errors.lines(),
                errors: ended.errors.listed().first,
            }
        } else {
            Imported::Done { imported: ended.created }
        })
    }
}

/// The users that are read and not yet stored.
struct Batches<'import> {
    passwords: &'import Passwords,
    dry_run: bool,
    waiting: Vec<NewUser>,
    created: u64,
}

impl imports::Batches for Batches<'_> {
    type Refusal = ImportRefusal;

    fn read(&mut self, row: Row<'_>, errors: &mut Errors) {
        self.waiting.extend(checked(row, errors));
    }

    fn are_due(&self) -> bool {
        self.waiting.len() >= BATCH
            || self.waiting.iter().filter(|user| user.password.is_some()).count() >= BATCH_PASSWORDS
    }

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

    fn created(&self) -> u64 {
        self.created
    }

    fn bad_csv(errors: LineErrors) -> ImportRefusal {
        ImportRefusal::BadCsv { errors }
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

fn text_of(fields: &mut Fields<'_>, column: &'static str, max: usize) -> Option<String> {
    fields.parsed(column, |field| text::fits(field, max).map(|()| field.to_owned()))
}

/// The line that a row makes, if it makes one.
fn line(fields: &mut Fields<'_>) -> Option<NewLine> {
    if OF_A_LINE.iter().all(|column| fields.get(column).is_none()) {
        for column in BESIDE_A_LINE {
            if fields.get(column).is_some() {
                fields.refuse(column, "there is no line without lineType, extension and context");
            }
        }
        return None;
    }
    for column in OF_A_LINE {
        if fields.get(column).is_none() {
            fields.refuse(column, "a line needs it");
        }
    }
    let line_type = fields.parsed("lineType", |field| {
        field.parse().map_err(|_| format!("is none of {}", LineType::ALL.map(LineType::name).join(", ")))
    });
    let extension = fields.parsed("extension", |field| text::dialled(field).map(|()| field.to_owned()));
    let context = text_of(fields, "context", text::MAX);
    let site = text_of(fields, "site", text::MAX);
    let line_num = fields.parsed("lineNum", |field| lines::line_num(line_type, field.parse().ok()));
    let device = fields.parsed("device", |field| lines::device(field).map(|()| field.to_owned()));
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

/// The user that a row is, unless something is wrong with it.
fn checked(row: Row<'_>, errors: &mut Errors) -> Option<NewUser> {
    let fields = &mut Fields::of(row, errors);
    let firstname = text_of(fields, "firstname", text::MAX);
    if fields.get("firstname").is_none() {
        fields.refuse("firstname", "must not be empty");
    }
    let user = NewUser {
        line: i64::try_from(fields.line()).unwrap_or(i64::MAX),
        firstname: firstname.unwrap_or_default(),
        lastname: text_of(fields, "lastname", text::MAX).unwrap_or_default(),
        login: text_of(fields, "login", text::MAX),
        password: fields.parsed("password", Password::new),
        email: text_of(fields, "email", users::MAX_EMAIL),
        mobile_phone_number: text_of(fields, "mobilePhoneNumber", text::MAX),
        external_phone_number: text_of(fields, "externalPhoneNumber", text::MAX),
        entity: text_of(fields, "entity", text::MAX),
        labels: fields.parsed("labels", labels).unwrap_or_default(),
        telephone: line(fields),
    };
    (!fields.is_refused()).then_some(user)
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

fn refused(error: sqlx::Error) -> Failure<ImportRefusal> {
    match broken_constraint(&error) {
        // A SIP line for which there was no code.
        Some("line_provisioning_id") => ImportRefusal::NothingFree {}.into(),
        _ => error.into(),
    }
}

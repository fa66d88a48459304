//! The rules of the import of callback requests.

use std::collections::{HashMap, HashSet};

use configmgt_contract::{
    Failure, Outcome, Upload,
    callback_import::{self as contract, CallbackImportRefusal, Duplicates, ImportCallbackRequests, ImportedRequests},
    callback_requests::Contact,
    dates::{Day, NoDay},
    line_errors::LineErrors,
    quoted,
};
use configmgt_runtime::{
    csv::{Column, Errors, Row},
    imports::{self, Fields},
    journal::{Change, Journal},
    journaled, text,
};
use uuid::Uuid;

use crate::{
    callback_requests::{NO_NUMBER, check_note, dialled},
    clock::Clock,
    numbers,
    store::{
        callback_import::{self as store, ImportedRequest},
        callback_lists,
    },
};

const COLUMNS: &[Column] = &[
    Column { name: "phoneNumber", required: false },
    Column { name: "mobilePhoneNumber", required: false },
    Column { name: "firstName", required: false },
    Column { name: "lastName", required: false },
    Column { name: "company", required: false },
    Column { name: "description", required: false },
    Column { name: "dueDate", required: false },
    Column { name: "period", required: false },
];

/// How many requests go into the database at once.
const BATCH: usize = 1_000;

/// How many lines with a number that others have are named.
const NAMED_DUPLICATES: usize = 100;

pub(crate) struct CallbackImport {
    journal: Journal,
    clock: Clock,
}

impl CallbackImport {
    pub(crate) const fn new(journal: Journal, clock: Clock) -> Self {
        Self { journal, clock }
    }
}

journaled!(CallbackImport);

impl contract::CallbackImport for CallbackImport {
    async fn callback_requests(
        &self,
        change: &mut Change,
        ImportCallbackRequests { list_uuid, options }: ImportCallbackRequests,
        content: &mut Upload,
    ) -> Outcome<ImportCallbackRequests> {
        let connection = change.connection();
        let queue = callback_lists::queue(connection, list_uuid).await?;
        let queue = queue.ok_or(CallbackImportRefusal::ListNotFound { uuid: list_uuid })?;
        if !queue.is_known {
            return Err(CallbackImportRefusal::QueueDeleted { list: list_uuid, queue_id: queue.queue_id }.into());
        }
        let mut batches = Batches {
            list: list_uuid,
            queue_id: queue.queue_id,
            periods: Periods::of(store::periods(connection).await?),
            tomorrow: self.clock.tomorrow(),
            waiting: Vec::new(),
            created: 0,
            duplicates: Duplicates { total: 0, lines: Vec::new() },
        };
        let ended = imports::import(change, "callback_requests", COLUMNS, options, &mut batches, content).await?;
        let duplicates = Some(batches.duplicates).filter(|duplicates| duplicates.total > 0);
        Ok(if options.dry_run {
            ImportedRequests::Tried {
                created: ended.created,
                refused: ended.errors.lines(),
                errors: ended.errors.listed().first,
                duplicates,
            }
        } else {
            ImportedRequests::Done { imported: ended.created, duplicates }
        })
    }
}

/// The periods by their names.
struct Periods {
    by_name: HashMap<String, Uuid>,
    default: Uuid,
}

impl Periods {
    fn of(periods: Vec<store::NamedPeriod>) -> Self {
        let default = periods.iter().find(|period| period.is_default).map_or(Uuid::nil(), |period| period.uuid);
        Self { by_name: periods.into_iter().map(|period| (period.name, period.uuid)).collect(), default }
    }

    fn named(&self, name: &str) -> Result<Uuid, String> {
        self.by_name.get(name).copied().ok_or_else(|| format!("there is no period {}", quoted(name)))
    }
}

/// The requests that are read and not yet stored.
struct Batches {
    list: Uuid,
    queue_id: i32,
    periods: Periods,
    /// The deadline of what has none.
    tomorrow: Day,
    waiting: Vec<ImportedRequest>,
    created: u64,
    duplicates: Duplicates,
}

impl Batches {
    /// The request that a row is, unless something is wrong with it.
    fn checked(&self, row: Row<'_>, errors: &mut Errors) -> Option<ImportedRequest> {
        let fields = &mut Fields::of(row, errors);
        let contact = Contact {
            phone_number: of(fields, "phoneNumber", numbers::check),
            mobile_phone_number: of(fields, "mobilePhoneNumber", numbers::check),
            first_name: of(fields, "firstName", name),
            last_name: of(fields, "lastName", name),
            company: of(fields, "company", name),
            description: of(fields, "description", check_note),
        };
        if fields.get("phoneNumber").is_none() && fields.get("mobilePhoneNumber").is_none() {
            fields.refuse("phoneNumber", NO_NUMBER);
        }
        let due_date = fields
            .parsed("dueDate", |field| field.parse::<Day>().map_err(|NoDay| "is no day like 2026-11-24".to_owned()));
        let period = fields.parsed("period", |field| self.periods.named(field));
        if fields.is_refused() {
            return None;
        }
        Some(ImportedRequest {
            uuid: Uuid::now_v7(),
            line: fields.line(),
            dialled: dialled(&contact),
            contact,
            due_date: due_date.as_ref().unwrap_or(&self.tomorrow).as_str().to_owned(),
            period: period.unwrap_or(self.periods.default),
        })
    }

    /// Marks those whose number is that of an open request, be it one of an earlier line.
    async fn mark_duplicates(&mut self, change: &mut Change, requests: &[ImportedRequest]) -> sqlx::Result<()> {
        let numbers: Vec<_> = requests.iter().flat_map(|request| &request.dialled).map(String::as_str).collect();
        let open = store::open_numbers(change.connection(), self.list, &numbers).await?;
        let mut known: HashSet<&str> = open.iter().map(String::as_str).collect();
        for request in requests {
            if request.dialled.iter().any(|number| known.contains(number.as_str())) {
                self.duplicates.total += 1;
                if self.duplicates.lines.len() < NAMED_DUPLICATES {
                    self.duplicates.lines.push(request.line);
                }
            }
            known.extend(request.dialled.iter().map(String::as_str));
        }
        Ok(())
    }
}

impl imports::Batches for Batches {
    type Refusal = CallbackImportRefusal;

    fn read(&mut self, row: Row<'_>, errors: &mut Errors) {
        self.waiting.extend(self.checked(row, errors));
    }

    fn are_due(&self) -> bool {
        self.waiting.len() >= BATCH
    }

    async fn store(&mut self, change: &mut Change, _: &mut Errors) -> Result<(), Failure<CallbackImportRefusal>> {
        let waiting = std::mem::take(&mut self.waiting);
        for requests in waiting.chunks(BATCH) {
            self.mark_duplicates(change, requests).await?;
            store::insert(change.connection(), self.list, self.queue_id, requests).await?;
            self.created += requests.len() as u64;
        }
        Ok(())
    }

    fn created(&self) -> u64 {
        self.created
    }

    fn bad_csv(errors: LineErrors) -> CallbackImportRefusal {
        CallbackImportRefusal::BadCsv { errors }
    }
}

/// The field, if there is nothing wrong with it.
fn of(fields: &mut Fields<'_>, column: &'static str, check: fn(&str) -> Result<(), String>) -> Option<String> {
    fields.parsed(column, |field| check(field).map(|()| field.to_owned()))
}

fn name(field: &str) -> Result<(), String> {
    text::fits(field, text::MAX)
}

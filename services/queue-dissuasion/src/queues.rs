//! The rules of queues.

use configmgt_contract::{
    Call, Created, Failure, Outcome, Versioned,
    queues::{
        self as contract, CreateQueue, DeleteQueue, GetQueue, ListQueues, QueueFields, QueueRefusal, ReplaceQueue,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing, sqlstate, text,
};

use crate::store::queues::{self as store, NewQueue};

/// What Asterisk's configuration calls the section of all queues.
const RESERVED: &str = "general";

pub(crate) struct Queues {
    journal: Journal,
    by_id: store::QueueLookup,
}

impl Queues {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_id = store::lookup(journal.connections());
        Self { journal, by_id }
    }
}

journaled!(Queues);

impl contract::Queues for Queues {
    async fn list(&self, _: &Call, ListQueues {}: ListQueues) -> Outcome<ListQueues> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(i32::MIN, |row: &store::Row| row.id, move |after| store::above(connections.clone(), after)))
    }

    async fn get(&self, _: &Call, GetQueue { id }: GetQueue) -> Outcome<GetQueue> {
        self.by_id.get(id).await?.ok_or_else(|| QueueRefusal::NotFound { id }.into())
    }

    async fn create(&self, change: &mut Change, CreateQueue(fields): CreateQueue) -> Outcome<CreateQueue> {
        let queue = checked(fields)?;
        let created = store::insert(change.connection(), &queue).await;
        let Versioned { version, object } = created.map_err(duplicate)?;
        Ok(Created { id: object.id.to_string(), version, object })
    }

    async fn replace(&self, change: &mut Change, ReplaceQueue { id, fields }: ReplaceQueue) -> Outcome<ReplaceQueue> {
        let queue = checked(fields)?;
        let updated = store::update(change.connection(), id, &queue).await;
        updated.map_err(duplicate)?.ok_or_else(|| QueueRefusal::NotFound { id }.into())
    }

    async fn delete(&self, change: &mut Change, DeleteQueue { id }: DeleteQueue) -> Outcome<DeleteQueue> {
        if store::delete(change.connection(), id).await? { Ok(()) } else { Err(QueueRefusal::NotFound { id }.into()) }
    }
}

/// The queue with its defaults, if it can be one.
fn checked(QueueFields { name, display_name, number }: QueueFields) -> Result<NewQueue, QueueRefusal> {
    let bad_value = |reason| QueueRefusal::BadValue { reason };
    text::check_name(&name).map_err(bad_value)?;
    if name.eq_ignore_ascii_case(RESERVED) {
        return Err(bad_value(format!("name cannot be {RESERVED}")));
    }
    let display_name = display_name.unwrap_or_else(|| name.clone());
    text::check("displayName", &display_name, text::MAX).map_err(bad_value)?;
    if let Some(number) = &number {
        text::dialled(number).map_err(|reason| bad_value(format!("number {reason}")))?;
    }
    Ok(NewQueue { name, display_name, number })
}

fn duplicate(error: sqlx::Error) -> Failure<QueueRefusal> {
    match sqlstate::duplicate(&error) {
        Some(constraint) => QueueRefusal::Duplicate { constraint }.into(),
        None => error.into(),
    }
}

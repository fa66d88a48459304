//! The rules of callback tickets.

use configmgt_contract::{
    Call, Created, Failure, Outcome, Versioned,
    callback_requests::Schedule,
    callback_tickets::{
        self as contract, CallbackTicket, CreateCallbackTicket, ExportCallbackTickets, GetCallbackTicket,
        TicketRefusal, TicketRow, TicketStatus, TicketUpdate, UpdateCallbackTicket,
    },
    csv::Csv,
    dates::Day,
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing,
    sqlstate::broken_constraint,
};
use futures_util::TryStreamExt;
use uuid::Uuid;

use crate::{
    callback_requests::{check_agent, check_note},
    store::{
        callback_requests as requests,
        callback_tickets::{self as store, Said},
    },
};

pub(crate) struct CallbackTickets {
    journal: Journal,
}

impl CallbackTickets {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(CallbackTickets);

impl contract::CallbackTickets for CallbackTickets {
    async fn create(&self, change: &mut Change, ticket: CreateCallbackTicket) -> Outcome<CreateCallbackTicket> {
        let CreateCallbackTicket { request_uuid, agent_id, status, comment, due_date, period_uuid } = ticket;
        if let Some(agent_id) = agent_id {
            check_agent(agent_id).map_err(|reason| TicketRefusal::BadValue { reason })?;
        }
        let said = checked(status, comment, due_date, period_uuid)?;
        let created = store::insert(change.connection(), request_uuid, agent_id, &said).await;
        let created = created.map_err(|error| unknown_period(error, &said))?;
        let created = created.ok_or(TicketRefusal::RequestNotFound { uuid: request_uuid })?;
        reschedule(change, &created.object, &said).await?;
        let Versioned { version, object } = created;
        Ok(Created { id: object.uuid.to_string(), version, object })
    }

    async fn get(&self, _: &Call, GetCallbackTicket { uuid }: GetCallbackTicket) -> Outcome<GetCallbackTicket> {
        store::get(self.journal.connections(), uuid).await?.ok_or_else(|| TicketRefusal::NotFound { uuid }.into())
    }

    async fn update(
        &self,
        change: &mut Change,
        UpdateCallbackTicket { uuid, ticket }: UpdateCallbackTicket,
    ) -> Outcome<UpdateCallbackTicket> {
        let TicketUpdate { status, comment, due_date, period_uuid } = ticket;
        let said = checked(Some(status), comment, due_date, period_uuid)?;
        let updated = store::update(change.connection(), uuid, &said).await;
        let updated = updated.map_err(|error| unknown_period(error, &said))?;
        let updated = updated.ok_or(TicketRefusal::NotFound { uuid })?;
        reschedule(change, &updated.object, &said).await?;
        Ok(updated)
    }

    async fn export(
        &self,
        _: &Call,
        ExportCallbackTickets { list_uuid }: ExportCallbackTickets,
    ) -> Outcome<ExportCallbackTickets> {
        let connections = self.journal.connections().clone();
        if !store::list_exists(&connections, list_uuid).await? {
            return Err(TicketRefusal::ListNotFound { uuid: list_uuid }.into());
        }
        let rows = listing::batches(
            Uuid::nil(),
            |row: &store::ExportedRow| row.uuid,
            move |after| store::above(connections.clone(), list_uuid, after),
        );
        Ok(Csv::of_batches(rows.map_ok(|rows| rows.into_iter().map(TicketRow::from).collect())))
    }
}

/// What a client says of a call, if it can be said: a comment without anything to read is none.
fn checked(
    status: Option<TicketStatus>,
    comment: Option<String>,
    due_date: Option<Day>,
    period_uuid: Option<Uuid>,
) -> Result<Said, TicketRefusal> {
    let bad = |reason: String| TicketRefusal::BadValue { reason };
    let comment = comment.filter(|comment| !comment.trim().is_empty());
    if let Some(comment) = &comment {
        check_note(comment).map_err(|reason| bad(format!("comment {reason}")))?;
    }
    let rescheduled = status == Some(TicketStatus::Callback);
    let schedule = match (due_date, period_uuid) {
        (Some(due_date), Some(period_uuid)) if rescheduled => Some(Schedule { due_date, period_uuid }),
        (None, None) if !rescheduled => None,
        _ if rescheduled => return Err(bad("the status Callback needs a dueDate and a periodUuid".to_owned())),
        _ => return Err(bad("dueDate and periodUuid belong to the status Callback".to_owned())),
    };
    Ok(Said { status, comment, schedule })
}

/// Gives the ticket's request the deadline and the period that the customer wants, if he said any.
async fn reschedule(change: &mut Change, ticket: &CallbackTicket, said: &Said) -> Result<(), Failure<TicketRefusal>> {
    if let Some(schedule) = &said.schedule {
        requests::reschedule(change.connection(), ticket.request_uuid, schedule).await?;
    }
    Ok(())
}

fn unknown_period(error: sqlx::Error, said: &Said) -> Failure<TicketRefusal> {
    match (broken_constraint(&error), &said.schedule) {
        (Some("callback_ticket_period_uuid"), Some(schedule)) => {
            TicketRefusal::UnknownPeriod { uuid: schedule.period_uuid }.into()
        }
        _ => error.into(),
    }
}

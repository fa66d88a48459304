//! The rules of callback requests, and of who holds them.

use configmgt_contract::{
    Call, Failure, Outcome, Versioned,
    callback_requests::{
        self as contract, CallbackRequest, ClotureCallbackRequest, Contact, CreateCallbackRequest, CreatedRequest,
        FindCallbackRequests, GetCallbackRequest, ReleaseCallbackRequest, RequestFields, RequestRefusal,
        RescheduleCallbackRequest, TakeCallbackRequest, Taker, UnclotureCallbackRequest,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled,
    sqlstate::broken_constraint,
    text,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    clock::Clock,
    numbers,
    store::{
        callback_lists,
        callback_requests::{self as store, Holder, NewRequest},
    },
};

/// The most characters of a note.
pub(crate) const MAX_NOTE: usize = 4096;

/// How many other requests with its number the answer to a new one names.
const NAMED_DUPLICATES: i64 = 10;

pub(crate) struct CallbackRequests {
    journal: Journal,
    by_uuid: store::RequestLookup,
    clock: Clock,
}

impl CallbackRequests {
    pub(crate) fn new(journal: Journal, clock: Clock) -> Self {
        let by_uuid = store::lookup(journal.connections());
        Self { journal, by_uuid, clock }
    }
}

journaled!(CallbackRequests);

impl contract::CallbackRequests for CallbackRequests {
    async fn create(
        &self,
        change: &mut Change,
        CreateCallbackRequest { list_uuid, request }: CreateCallbackRequest,
    ) -> Outcome<CreateCallbackRequest> {
        let request = checked(request, &self.clock)?;
        let connection = change.connection();
        let Some(created) = store::insert(connection, list_uuid, &request).await? else {
            return Err(in_the_way(connection, list_uuid, request).await?.into());
        };
        let Versioned { version, object: request } = created;
        let numbers = dialled(&request.contact);
        let duplicates = store::others(connection, list_uuid, &numbers, request.uuid, NAMED_DUPLICATES).await?;
        Ok(Versioned { version, object: CreatedRequest { request, duplicates } })
    }

    async fn find(&self, _: &Call, FindCallbackRequests(find): FindCallbackRequests) -> Outcome<FindCallbackRequests> {
        let found = store::find(self.journal.connections(), &find).await;
        found.map_err(|error| error.refused(|reason| RequestRefusal::BadFilter { reason }))
    }

    async fn get(&self, _: &Call, GetCallbackRequest { uuid }: GetCallbackRequest) -> Outcome<GetCallbackRequest> {
        found(uuid, self.by_uuid.get(uuid).await?)
    }

    async fn take(
        &self,
        change: &mut Change,
        TakeCallbackRequest { uuid, taker: Taker { agent_id } }: TakeCallbackRequest,
    ) -> Outcome<TakeCallbackRequest> {
        check_agent(agent_id).map_err(|reason| RequestRefusal::BadValue { reason })?;
        let connection = change.connection();
        loop {
            if let Some(taken) = store::take(connection, uuid, agent_id).await? {
                return Ok(taken);
            }
            let refusal = match store::holder(connection, uuid).await? {
                None => RequestRefusal::NotFound { uuid },
                Some(Holder { clotured: true, .. }) => RequestRefusal::Clotured { uuid },
                Some(Holder { agent_id: Some(holder), .. }) if holder != agent_id => {
                    RequestRefusal::Taken { uuid, agent_id: holder }
                }
                // Whoever held it has released it meanwhile.
                Some(_) => continue,
            };
            return Err(refusal.into());
        }
    }

    async fn release(
        &self,
        change: &mut Change,
        ReleaseCallbackRequest { uuid }: ReleaseCallbackRequest,
    ) -> Outcome<ReleaseCallbackRequest> {
        found(uuid, store::release(change.connection(), uuid).await?)
    }

    async fn cloture(
        &self,
        change: &mut Change,
        ClotureCallbackRequest { uuid }: ClotureCallbackRequest,
    ) -> Outcome<ClotureCallbackRequest> {
        found(uuid, store::cloture(change.connection(), uuid).await?)
    }

    async fn uncloture(
        &self,
        change: &mut Change,
        UnclotureCallbackRequest { uuid }: UnclotureCallbackRequest,
    ) -> Outcome<UnclotureCallbackRequest> {
        found(uuid, store::uncloture(change.connection(), uuid).await?)
    }

    async fn reschedule(
        &self,
        change: &mut Change,
        RescheduleCallbackRequest { uuid, schedule }: RescheduleCallbackRequest,
    ) -> Outcome<RescheduleCallbackRequest> {
        let rescheduled = store::reschedule(change.connection(), uuid, &schedule).await;
        let rescheduled = rescheduled.map_err(|error| match broken_constraint(&error) {
            Some("callback_request_period_uuid") => {
                Failure::Refused(RequestRefusal::NoSuchPeriod { uuid: schedule.period_uuid })
            }
            _ => error.into(),
        });
        found(uuid, rescheduled?)
    }
}

fn found(
    uuid: Uuid,
    request: Option<Versioned<CallbackRequest>>,
) -> Result<Versioned<CallbackRequest>, Failure<RequestRefusal>> {
    request.ok_or_else(|| RequestRefusal::NotFound { uuid }.into())
}

/// Says why an agent cannot have this id.
pub(crate) fn check_agent(agent_id: i32) -> Result<(), String> {
    if agent_id < 1 { Err(format!("agentId: {agent_id} is no possible id")) } else { Ok(()) }
}

/// The numbers of a contact as they are dialled.
pub(crate) fn dialled(Contact { phone_number, mobile_phone_number, .. }: &Contact) -> Vec<String> {
    [phone_number, mobile_phone_number].into_iter().flatten().map(|number| numbers::dialled(number)).collect()
}

/// Says why a text is no note, if it is none. Unlike other texts it may have several lines.
pub(crate) fn check_note(note: &str) -> Result<(), String> {
    if note.chars().count() > MAX_NOTE {
        return Err(format!("has more than {MAX_NOTE} characters"));
    }
    if note.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err("contains a control character".to_owned());
    }
    Ok(())
}

/// The request as it is kept, if it can be: an optional text without anything to read is none.
fn checked(fields: RequestFields, clock: &Clock) -> Result<NewRequest, RequestRefusal> {
    let bad = |field: &str, reason: String| RequestRefusal::BadValue { reason: format!("{field} {reason}") };
    let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let contact = Contact {
        phone_number: given(fields.phone_number),
        mobile_phone_number: given(fields.mobile_phone_number),
        first_name: given(fields.first_name),
        last_name: given(fields.last_name),
        company: given(fields.company),
        description: given(fields.description),
    };
    for (field, number) in [("phoneNumber", &contact.phone_number), ("mobilePhoneNumber", &contact.mobile_phone_number)]
    {
        if let Some(number) = number {
            numbers::check(number).map_err(|reason| bad(field, reason))?;
        }
    }
    if contact.phone_number.is_none() && contact.mobile_phone_number.is_none() {
        return Err(RequestRefusal::BadValue { reason: NO_NUMBER.to_owned() });
    }
    let period = given(fields.period);
    for (field, name) in [
        ("firstName", &contact.first_name),
        ("lastName", &contact.last_name),
        ("company", &contact.company),
        ("period", &period),
    ] {
        if let Some(name) = name {
            text::fits(name, text::MAX).map_err(|reason| bad(field, reason))?;
        }
    }
    if let Some(description) = &contact.description {
        check_note(description).map_err(|reason| bad("description", reason))?;
    }
    Ok(NewRequest { contact, due_date: fields.due_date.unwrap_or_else(|| clock.tomorrow()), period })
}

/// What is wrong with a request that cannot be called back.
pub(crate) const NO_NUMBER: &str = "one of phoneNumber and mobilePhoneNumber is needed";

/// Why the list did not take the request.
async fn in_the_way(connection: &mut PgConnection, list: Uuid, request: NewRequest) -> sqlx::Result<RequestRefusal> {
    Ok(match callback_lists::queue(connection, list).await? {
        None => RequestRefusal::ListNotFound { uuid: list },
        Some(queue) if !queue.is_known => RequestRefusal::QueueDeleted { list, queue_id: queue.queue_id },
        Some(_) => RequestRefusal::UnknownPeriod { name: request.period.unwrap_or_default() },
    })
}

//! This service's share of the lint.

use configmgt_contract::{
    BoxError, Call, Listing, Outcome,
    dates::Day,
    lint::{self as contract, Finding, ListFindings},
};
use configmgt_runtime::{connections::Connections, journal::Journal, journaled, listing};
use futures_util::{Stream, StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::{
    clock::Clock,
    store::lint::{self as store, OrphanRow, OverdueRow, SameNumberRow},
};

pub(crate) struct Lint {
    journal: Journal,
    clock: Clock,
}

impl Lint {
    pub(crate) const fn new(journal: Journal, clock: Clock) -> Self {
        Self { journal, clock }
    }
}

journaled!(Lint);

impl contract::Lint for Lint {
    async fn list(&self, _: &Call, ListFindings {}: ListFindings) -> Outcome<ListFindings> {
        let connections = self.journal.connections();
        let findings =
            of_lists(connections).chain(of_deadlines(connections, self.clock.today())).chain(of_numbers(connections));
        Ok(Listing::of_batches(findings))
    }
}

type Batch = Result<Vec<Finding>, BoxError>;

fn of_lists(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let read = move |after| store::orphans_above(connections.clone(), after);
    listing::batches(Uuid::nil(), |list: &OrphanRow| list.uuid, read)
        .map_ok(|lists| lists.into_iter().map(without_queue).collect())
}

fn of_deadlines(connections: &Connections, today: Day) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let read = move |after| store::overdue_above(connections.clone(), today.clone(), after);
    let first = (Day::of(1, 1, 1), Uuid::nil());
    listing::batches(first, |request: &OverdueRow| (request.due_date.0.clone(), request.uuid), read)
        .map_ok(|requests| requests.iter().map(overdue).collect())
}

fn of_numbers(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let read = move |after| store::same_number_above(connections.clone(), after);
    let first = (Uuid::nil(), String::new(), Uuid::nil());
    let place = |request: &SameNumberRow| (request.list_uuid, request.number.clone(), request.uuid);
    listing::batches(first, place, read).map_ok(|requests| requests.iter().map(duplicate).collect())
}

fn without_queue(OrphanRow { uuid, name, queue_id }: OrphanRow) -> Finding {
    Finding {
        object_type: "callback_list".to_owned(),
        object_id: uuid.to_string(),
        reason: format!(
            "the queue {queue_id} of the callback list '{name}' was deleted: it takes no requests any more"
        ),
        remedy: format!("call its open requests back, and delete the list: DELETE 1.0/callback_lists/{uuid}"),
    }
}

fn overdue(OverdueRow { uuid, due_date }: &OverdueRow) -> Finding {
    Finding {
        object_type: "callback_request".to_owned(),
        object_id: uuid.to_string(),
        reason: format!("the callback request was due on {} and is still open", due_date.0.as_str()),
        remedy: format!("call back, or reschedule it: POST 1.0/callback_requests/{uuid}/reschedule"),
    }
}

fn duplicate(SameNumberRow { uuid, older, .. }: &SameNumberRow) -> Finding {
    Finding {
        object_type: "callback_request".to_owned(),
        object_id: uuid.to_string(),
        reason: format!(
            "the callback request has the number of another open one of its list, {older}: the customer is called twice"
        ),
        remedy: format!("cloture one of them: POST 1.0/callback_requests/{uuid}/cloture"),
    }
}

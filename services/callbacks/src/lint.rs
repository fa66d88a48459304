//! This service's share of the lint.

use configmgt_contract::{
    BoxError, Call, Listing, Outcome, Owner,
    dates::Day,
    lint::{self as contract, Finding, ListFindings},
};
use configmgt_runtime::{connections::Connections, journal::Journal, listing};
use futures_util::{Stream, StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::{
    clock::Clock,
    store::lint::{self as store, OpenRow, OrphanRow},
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

impl Owner for Lint {
    type Changes = Journal;

    fn changes(&self) -> &Journal {
        &self.journal
    }
}

impl contract::Lint for Lint {
    async fn list(&self, _: &Call, ListFindings {}: ListFindings) -> Outcome<ListFindings> {
        let connections = self.journal.connections();
        let findings = of_lists(connections).chain(of_requests(connections, self.clock.today()));
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

fn of_requests(connections: &Connections, today: Day) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let read = move |after| store::open_above(connections.clone(), after);
    listing::batches(Uuid::nil(), |request: &OpenRow| request.uuid, read).map_ok(move |requests| {
        requests.iter().flat_map(|request| [overdue(request, &today), duplicate(request)]).flatten().collect()
    })
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

fn overdue(OpenRow { uuid, due_date, .. }: &OpenRow, today: &Day) -> Option<Finding> {
    (due_date.0 < *today).then(|| Finding {
        object_type: "callback_request".to_owned(),
        object_id: uuid.to_string(),
        reason: format!("the callback request was due on {} and is still open", due_date.0.as_str()),
        remedy: format!("call back, or reschedule it: POST 1.0/callback_requests/{uuid}/reschedule"),
    })
}

fn duplicate(OpenRow { uuid, same_number, .. }: &OpenRow) -> Option<Finding> {
    let other = (*same_number)?;
    Some(Finding {
        object_type: "callback_request".to_owned(),
        object_id: uuid.to_string(),
        reason: format!(
            "the callback request has the number of another open one of its list, {other}: the customer is called twice"
        ),
        remedy: format!("cloture one of them: POST 1.0/callback_requests/{uuid}/cloture"),
    })
}

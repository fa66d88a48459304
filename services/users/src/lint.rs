//! This service's share of the lint: forwards that lead nowhere or round in a circle, and rights to what is not there.

use std::collections::HashSet;

use configmgt_contract::{
    BoxError, Call, Listing, Outcome,
    lint::{self as contract, Finding, ListFindings},
};
use configmgt_runtime::{connections::Connections, journal::Journal, journaled, listing};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::task::spawn_blocking;

use crate::{
    circles::{Circle, circles},
    store::lint::{self as store, ForwardRow, NamedRow},
};

/// How many of the queues or groups that are missing a finding names.
const NAMED: usize = 10;

type Batch = Result<Vec<Finding>, BoxError>;

pub(crate) struct Lint {
    journal: Journal,
}

impl Lint {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Lint);

impl contract::Lint for Lint {
    async fn list(&self, _: &Call, ListFindings {}: ListFindings) -> Outcome<ListFindings> {
        let connections = self.journal.connections();
        let findings = of_dead_ends(connections).chain(of_circles(connections)).chain(of_rights(connections));
        Ok(Listing::of_batches(findings))
    }
}

fn of_dead_ends(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let findings = async move {
        let longest = store::longest_extensions(&connections).await?;
        let read = move |after| store::forwards_above(connections.clone(), after);
        let forwards = listing::batches((i32::MIN, 0), |row: &ForwardRow| (row.user_id, row.place), read);
        Ok::<_, BoxError>(forwards.map_ok(move |forwards| {
            let leads_nowhere = |row: &ForwardRow| {
                !row.is_known
                    && longest.get(&row.context).is_some_and(|longest| could_be_extension(&row.destination, *longest))
            };
            forwards.into_iter().filter(leads_nowhere).map(dead_end).collect()
        }))
    };
    stream::once(findings).try_flatten()
}

/// Whether a number that nobody has could be an extension of a context with extensions of so many characters. Otherwise it is taken
/// for a number outside, or a service of the telephone system (ADR 18).
fn could_be_extension(number: &str, longest: usize) -> bool {
    number.len() <= longest && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn of_circles(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    stream::once(async move {
        let forwards = store::forwards_to_forwards(connections).await?;
        // With many users it takes long enough to hold others up.
        Ok(spawn_blocking(move || circles(&forwards).iter().map(circle).collect()).await?)
    })
}

fn of_rights(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let findings = async move {
        let (queues, groups) = store::known(&connections).await?;
        let read = move |after| store::named_above(connections.clone(), after);
        let rights = listing::batches(i32::MIN, |row: &NamedRow| row.user_id, read);
        Ok::<_, BoxError>(rights.map_ok(move |rights| {
            let findings_of = |row: &NamedRow| {
                let queues = named_in_vain(row, "queues that do not exist", &row.queue_ids, &queues);
                let groups = named_in_vain(row, "groups in which there is no agent", &row.group_ids, &groups);
                queues.into_iter().chain(groups)
            };
            rights.iter().flat_map(findings_of).collect()
        }))
    };
    stream::once(findings).try_flatten()
}

fn dead_end(ForwardRow { user_id, kind, destination, context, .. }: ForwardRow) -> Finding {
    Finding {
        object_type: "services".to_owned(),
        object_id: user_id.to_string(),
        reason: format!(
            "the {kind} forward of user {user_id} leads to {destination}, and context '{context}' has no such extension"
        ),
        remedy: format!(
            "end the forward or give it another destination: PUT 2.0/users/{user_id}/services; or give a user of the context this \
             extension"
        ),
    }
}

fn circle(Circle { last, way, length }: &Circle<'_>) -> Finding {
    let way_to: Vec<_> = way.iter().map(|forward| format!("{} ({})", forward.extension, forward.kind)).collect();
    let gap = if *length > way.len() { "… -> " } else { "" };
    let begin = way.first().map_or("", |forward| &forward.extension);
    Finding {
        object_type: "services".to_owned(),
        object_id: last.user_id.to_string(),
        reason: format!("forwards send callers round in a circle: {} -> {gap}{begin}", way_to.join(" -> ")),
        remedy: format!(
            "end the {} forward of user {id}, or another one of these, or give it another destination: PUT 2.0/users/{id}/services",
            last.kind,
            id = last.user_id
        ),
    }
}

/// What of the ids that a right names is not known, if anything is.
fn named_in_vain(
    NamedRow { user_id, login, .. }: &NamedRow,
    what: &str,
    ids: &[i32],
    known: &HashSet<i32>,
) -> Option<Finding> {
    let mut missing = ids.iter().filter(|id| !known.contains(id)).map(i32::to_string);
    let named: Vec<_> = missing.by_ref().take(NAMED).collect();
    if named.is_empty() {
        return None;
    }
    let more = match missing.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Finding {
        object_type: "rights".to_owned(),
        object_id: user_id.to_string(),
        reason: format!("the right of user {user_id} names {what}: {}{more}", named.join(", ")),
        remedy: format!("give the user a right without them: POST 1.0/rights/user/{login}"),
    })
}

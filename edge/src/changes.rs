//! The history of changes, over all services.

use configmgt_contract::{
    Answer, Call, Fault, Operation, OperationDoc, Refusal, Reply, SERVICES, Status,
    changes::{ChangeRefusal, GetChange, ListChanges, RevertChange},
    events::Change,
    filter::Page,
    objects,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, try_join_all},
};
use serde::de::DeserializeOwned;
use utoipa::openapi::Type;
use uuid::Uuid;

use crate::{
    exchange::{Edge, found},
    inputs::{Given, Parameters, QueryParameter},
    table::request,
};

/// The largest page.
const MAX_LIMIT: i64 = 1000;

/// Over several services every one of them must give all that comes before the page, so it cannot begin anywhere.
const MAX_OFFSET: i64 = 10_000;

impl Parameters for ListChanges {
    const NAMES: &'static [QueryParameter] = &[
        text("objectType", "What was changed: `meetingroom`, `user`, `queue` or any other type of object."),
        text("objectId", "The id of what was changed."),
        text(
            "actor",
            "Who made the change: the name of the token that was shown, of a setting or of a service, or the database's user.",
        ),
        text("since", "RFC 3339: changes from this moment on."),
        text("until", "RFC 3339: changes before this moment."),
        number("offset", "How many changes to leave out from the beginning: 0 to 10000, 0 by default."),
        number("limit", "The most changes to answer: 0 to 1000, 100 by default."),
    ];

    fn read(given: &Given) -> Result<Self, Fault> {
        Ok(Self {
            object_type: given.text("objectType"),
            object_id: given.text("objectId"),
            actor: given.text("actor"),
            since: given.text("since"),
            until: given.text("until"),
            offset: given.number("offset", 0, 0..=MAX_OFFSET)?,
            limit: given.number("limit", 100, 0..=MAX_LIMIT)?,
        })
    }
}

pub(crate) const fn text(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, kind: Type::String, description }
}

const fn number(name: &'static str, description: &'static str) -> QueryParameter {
    QueryParameter { name, kind: Type::Integer, description }
}

/// The services that own objects of this type, or all.
pub(crate) fn owners(object_type: Option<&str>) -> Vec<&'static str> {
    match object_type {
        None => SERVICES.to_vec(),
        Some(name) => objects().into_iter().filter(|object| object.name == name).map(|object| object.service).collect(),
    }
}

/// Asks every service for as much as the page may need of it, and puts the newest together. One that does not answer makes
/// the whole fail: a history with holes would look like one without.
pub(crate) fn list(edge: Edge, query: ListChanges, call: Call) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move {
        let services = owners(query.object_type.as_deref());
        let ahead = ListChanges { offset: 0, limit: query.offset + query.limit, ..query.clone() };
        let pages = services.into_iter().map(|service| {
            let ahead = ahead.clone();
            ask::<ListChanges, Page<Change>>(&edge, ahead, ListChanges::DOC.of(service), call.clone())
        });
        let pages = try_join_all(pages).await?;
        let total = pages.iter().map(|page| page.total).sum();
        let mut changes: Vec<Change> = pages.into_iter().flat_map(|page| page.list).collect();
        // Texts of one form compare as the times they tell; of equal ones the ids do.
        changes.sort_by(|one, other| (&other.occurred_at, other.event_id).cmp(&(&one.occurred_at, one.event_id)));
        let place = |number: i64| usize::try_from(number).unwrap_or(0);
        let list = changes.into_iter().skip(place(query.offset)).take(place(query.limit)).collect();
        Page { total, list }.answer().map_err(|error| Fault::new(Status::Broken, error.to_string()))
    }
    .boxed()
}

/// Asks every service; one of them may have it.
pub(crate) fn get(
    edge: Edge,
    GetChange { event_id }: GetChange,
    call: Call,
) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move { owner(&edge, event_id, &call).await.map(|(_, answer)| answer) }.boxed()
}

/// Finds the service that made the change, and asks it.
pub(crate) fn revert(
    edge: Edge,
    RevertChange { event_id }: RevertChange,
    call: Call,
) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move {
        let (service, _) = owner(&edge, event_id, &call).await?;
        let doc = RevertChange::DOC.of(service);
        edge.transport.call(request(&RevertChange { event_id }, doc, call)?).await
    }
    .boxed()
}

/// The service that made the change, with the change.
async fn owner(edge: &Edge, event_id: Uuid, call: &Call) -> Result<(&'static str, Answer), Fault> {
    let found = found(edge, GetChange { event_id }, &SERVICES, call).await?;
    found.ok_or_else(|| ChangeRefusal::NotFound { event_id }.fault())
}

/// The whole reply of the service of `doc`.
pub(crate) async fn ask<O: Operation, T: DeserializeOwned>(
    edge: &Edge,
    operation: O,
    doc: OperationDoc,
    call: Call,
) -> Result<T, Fault> {
    let answer = edge.transport.call(request(&operation, doc, call)?).await?;
    answer.read().await.map_err(|error| Fault::new(Status::Broken, format!("unreadable reply: {error}")))
}

//! The rules of callback lists.

use configmgt_contract::{
    Call, Outcome,
    callback_lists::{
        self as contract, CallbackList, CreateCallbackList, DeleteCallbackList, DeleteUnnamedCallbackList,
        ListCallbackLists, ListRefusal, ListState,
    },
    nested::{Nested, Part},
};
use configmgt_runtime::{
    arrivals::{Arrival, Arrivals},
    connections::Connections,
    journal::{Change, Journal},
    journaled,
    listing::BATCH,
    text,
};
use futures_util::{FutureExt, stream};
use uuid::Uuid;

use crate::store::{callback_lists as store, callback_requests as requests, known_queues};

pub(crate) struct CallbackLists {
    journal: Journal,
    queues: Arrivals,
}

impl CallbackLists {
    pub(crate) fn new(journal: Journal) -> Self {
        let queues =
            Arrivals::new(journal.connections().clone(), |connection, id| known_queues::exists(connection, id).boxed());
        Self { journal, queues }
    }
}

journaled!(CallbackLists);

impl contract::CallbackLists for CallbackLists {
    async fn list(
        &self,
        _: &Call,
        ListCallbackLists { with_request }: ListCallbackLists,
    ) -> Outcome<ListCallbackLists> {
        let reading = Reading::begin(self.journal.connections().clone(), with_request).await?;
        Ok(Nested::of_batches(stream::try_unfold(reading, |mut reading| async move {
            let parts = reading.next().await?;
            Ok::<_, sqlx::Error>(parts.map(|parts| (parts, reading)))
        })))
    }

    async fn create(
        &self,
        change: &mut Change,
        CreateCallbackList { name, queue_id }: CreateCallbackList,
    ) -> Outcome<CreateCallbackList> {
        text::check("name", &name, text::MAX).map_err(|reason| ListRefusal::BadValue { reason })?;
        match self.queues.wait(change, queue_id).await? {
            Arrival::Here => {}
            Arrival::NotHere => return Err(ListRefusal::UnknownQueue { queue_id }.into()),
            Arrival::Busy => return Err(ListRefusal::Busy {}.into()),
        }
        // It may just have been deleted.
        let created = store::insert(change.connection(), &name, queue_id).await?;
        created.map(without_requests).ok_or_else(|| ListRefusal::UnknownQueue { queue_id }.into())
    }

    async fn delete(
        &self,
        change: &mut Change,
        DeleteCallbackList { uuid }: DeleteCallbackList,
    ) -> Outcome<DeleteCallbackList> {
        let deleted = store::delete(change.connection(), uuid).await?;
        deleted.map(without_requests).ok_or_else(|| ListRefusal::NotFound { uuid }.into())
    }

    async fn delete_unnamed(
        &self,
        _: &Call,
        DeleteUnnamedCallbackList {}: DeleteUnnamedCallbackList,
    ) -> Outcome<DeleteUnnamedCallbackList> {
        Err(ListRefusal::NoUuid {}.into())
    }
}

const fn without_requests(list: ListState) -> CallbackList {
    CallbackList { list, callbacks: Vec::new() }
}

/// Reads the lists with their open requests, a batch at a time of either. Between two batches nobody holds a connection.
struct Reading {
    connections: Connections,
    /// Only the lists that have an open request.
    with_request: bool,
    /// Those that are read and not yet answered.
    lists: std::vec::IntoIter<store::Row>,
    /// The last list that was read; none where there is none behind it.
    last: Option<Uuid>,
    /// The list that is being answered, and the last of its requests that was read.
    open: Option<(Uuid, Uuid)>,
}

impl Reading {
    /// Reads the first lists, so that what ails the database is answered as it should.
    async fn begin(connections: Connections, with_request: bool) -> sqlx::Result<Self> {
        let (lists, last) = (Vec::new().into_iter(), Some(Uuid::nil()));
        let mut reading = Self { connections, with_request, lists, last, open: None };
        reading.read_lists().await?;
        Ok(reading)
    }

    async fn read_lists(&mut self) -> sqlx::Result<()> {
        let Some(after) = self.last else { return Ok(()) };
        let lists = store::above(&self.connections, after).await?;
        let full = usize::try_from(BATCH) == Ok(lists.len());
        self.last = lists.last().filter(|_| full).map(|list| list.uuid);
        self.lists = lists.into_iter();
        Ok(())
    }

    /// What comes next: as many lists as have no more requests than are read at a time, or such a part of one.
    async fn next(&mut self) -> sqlx::Result<Option<Vec<Part<CallbackList>>>> {
        if self.open.is_none() && self.lists.len() == 0 {
            self.read_lists().await?;
            if self.lists.len() == 0 {
                return Ok(None);
            }
        }
        let mut connection = self.connections.lend().await?;
        let parts = self.parts(&mut connection).await;
        connection.done(parts).map(Some)
    }

    async fn parts(&mut self, connection: &mut sqlx::PgConnection) -> sqlx::Result<Vec<Part<CallbackList>>> {
        let batch = usize::try_from(BATCH).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        while parts.len() < batch {
            let (list, after) = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(list) = self.lists.next() else { break };
                    let uuid = list.uuid;
                    parts.push(Part::Begin(list.into()));
                    (uuid, Uuid::nil())
                }
            };
            let rows = requests::open_above(connection, list, after).await?;
            let full = rows.len() == batch;
            if after.is_nil() && rows.is_empty() && self.with_request {
                parts.pop();
                continue;
            }
            self.open = rows.last().filter(|_| full).map(|last| (list, last.uuid));
            parts.extend(rows.into_iter().map(|row| Part::Inner(row.into())));
            if self.open.is_none() {
                parts.push(Part::End);
            }
        }
        Ok(parts)
    }
}

//! The history of changes, read from the journal, and the way back.

use std::collections::BTreeSet;

use configmgt_contract::{
    Call, Failure, Outcome,
    changes::{self, ChangeRefusal, GetChange, ListChanges, RevertChange},
    dates::Moment,
    events::{Action, Change},
    filter::Page,
    quoted,
};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection, QueryBuilder};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::instrument;
use uuid::Uuid;

use crate::{
    journal::{self, Journal, Object},
    journaled,
};

/// A row of the journal.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) event_id: Uuid,
    pub(crate) object_type: String,
    pub(crate) object_id: String,
    pub(crate) object_version: i64,
    pub(crate) action: String,
    pub(crate) actor: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) secrets_before: Option<Value>,
    pub(crate) secrets_after: Option<Value>,
    pub(crate) occurred_at: OffsetDateTime,
}

/// A row of the journal that cannot be shown: it was written for a kind of object that this version does not know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowError {
    #[error("the journal's row {id} is of the unknown object type {object_type}")]
    Unknown { id: i64, object_type: String },
    #[error("the journal's row {id} cannot be shown")]
    Unreadable { id: i64, source: serde_json::Error },
    #[error("the journal's row {id} has no possible {what}")]
    Malformed { id: i64, what: &'static str },
}

impl Row {
    /// The change as clients and subscribers see it.
    pub(crate) fn show(self, objects: &[Object]) -> Result<Change, ShowError> {
        let object = object(objects, &self)?;
        let unreadable = |source| ShowError::Unreadable { id: self.id, source };
        let before = self.before.map(object.show).transpose().map_err(unreadable)?;
        let after = self.after.map(object.show).transpose().map_err(unreadable)?;
        let mut changed_fields = differing(before.as_ref(), after.as_ref());
        let secrets = differing(self.secrets_before.as_ref(), self.secrets_after.as_ref());
        let shown_names = object.secrets.iter().filter(|(column, _)| secrets.contains(*column));
        changed_fields.extend(shown_names.map(|(_, name)| (*name).to_owned()));
        let malformed = |what| ShowError::Malformed { id: self.id, what };
        Ok(Change {
            event_id: self.event_id,
            object_type: self.object_type,
            object_id: self.object_id,
            version: self.object_version,
            action: self.action.parse().map_err(|_| malformed("action"))?,
            actor: self.actor,
            occurred_at: Moment::try_from(self.occurred_at).map_err(|_| malformed("time"))?.as_str().to_owned(),
            changed_fields: changed_fields.into_iter().collect(),
            before,
            after,
        })
    }
}

fn object<'objects>(objects: &'objects [Object], row: &Row) -> Result<&'objects Object, ShowError> {
    let object = objects.iter().find(|object| object.name == row.object_type);
    object.ok_or_else(|| ShowError::Unknown { id: row.id, object_type: row.object_type.clone() })
}

/// The members that the two do not share, by name.
fn differing(before: Option<&Value>, after: Option<&Value>) -> BTreeSet<String> {
    let names = [before, after].into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
    names.filter(|name| member(before, name) != member(after, name)).cloned().collect()
}

/// A member that is null is none.
fn member<'state>(state: Option<&'state Value>, name: &str) -> Option<&'state Value> {
    state?.get(name).filter(|value| !value.is_null())
}

/// The history of a service's objects.
pub(crate) struct History {
    journal: Journal,
    objects: &'static [Object],
}

impl History {
    pub(crate) const fn new(journal: Journal, objects: &'static [Object]) -> Self {
        Self { journal, objects }
    }
}

journaled!(History);

impl changes::History for History {
    async fn list(&self, _: &Call, query: ListChanges) -> Outcome<ListChanges> {
        let since = moment("since", query.since.as_deref())?;
        let until = moment("until", query.until.as_deref())?;
        let mut connection = self.journal.connections().lend().await?;
        let page = list(&mut connection, &query, since, until).await;
        let (total, rows) = connection.done(page)?;
        let list = rows.into_iter().map(|row| row.show(self.objects)).collect::<Result<_, _>>()?;
        Ok(Page { total, list })
    }

    async fn get(&self, _: &Call, GetChange { event_id }: GetChange) -> Outcome<GetChange> {
        let mut connection = self.journal.connections().lend().await?;
        let row = find(&mut connection, event_id).await;
        let row = connection.done(row)?.ok_or(ChangeRefusal::NotFound { event_id })?;
        Ok(row.show(self.objects)?)
    }

    async fn revert(
        &self,
        change: &mut journal::Change,
        RevertChange { event_id }: RevertChange,
    ) -> Outcome<RevertChange> {
        let connection = change.connection();
        let row = find(connection, event_id).await?.ok_or(ChangeRefusal::NotFound { event_id })?;
        let object = object(self.objects, &row)?;
        lock(connection, object, &row.object_id).await?;
        let latest = latest(connection, &row).await?;
        if latest.event_id != event_id {
            let Row { event_id: newer, object_version: version, .. } = latest;
            return Err(ChangeRefusal::Superseded { newer, version }.into());
        }
        restore(connection, object, &row).await.map_err(in_the_way)?;
        let reverted = self::latest(change.connection(), &row).await?;
        Ok(reverted.show(self.objects)?)
    }
}

fn moment(name: &str, text: Option<&str>) -> Result<Option<OffsetDateTime>, ChangeRefusal> {
    let Some(text) = text else { return Ok(None) };
    let parsed = OffsetDateTime::parse(text, &Rfc3339);
    parsed.map(Some).map_err(|_| ChangeRefusal::BadQuery {
        reason: format!("{name}: {} is no time like 2026-11-24T09:30:00Z", quoted(text)),
    })
}

fn in_the_way(error: sqlx::Error) -> Failure<ChangeRefusal> {
    match error.as_database_error() {
        Some(refused) if refused.code().is_some_and(|code| code.starts_with("23")) => {
            ChangeRefusal::InTheWay { reason: refused.message().to_owned() }.into()
        }
        _ => error.into(),
    }
}

#[instrument(level = "debug", name = "SELECT journal", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn list(
    connection: &mut PgConnection,
    query: &ListChanges,
    since: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
) -> sqlx::Result<(i64, Vec<Row>)> {
    let matching = |select: &'static str| {
        let mut sql = QueryBuilder::new(select);
        sql.push(" FROM journal WHERE true");
        for (condition, value) in [
            (" AND object_type = ", &query.object_type),
            (" AND object_id = ", &query.object_id),
            (" AND actor = ", &query.actor),
        ] {
            if let Some(value) = value {
                sql.push(condition).push_bind(value.clone());
            }
        }
        for (condition, moment) in [(" AND occurred_at >= ", since), (" AND occurred_at < ", until)] {
            if let Some(moment) = moment {
                sql.push(condition).push_bind(moment);
            }
        }
        sql
    };
    // One snapshot for both, so that a page and its total are of the same moment.
    let mut transaction = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let mut page = matching("SELECT *");
    page.push(" ORDER BY id DESC LIMIT ").push_bind(query.limit).push(" OFFSET ").push_bind(query.offset);
    let read = async {
        let total = matching("SELECT count(*)").build_query_scalar().fetch_one(&mut *transaction).await?;
        let rows = page.build_query_as().fetch_all(&mut *transaction).await?;
        Ok((total, rows))
    };
    let read = read.await;
    transaction.rollback().await?;
    read
}

#[instrument(level = "debug", name = "SELECT journal", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn find(connection: &mut PgConnection, event_id: Uuid) -> sqlx::Result<Option<Row>> {
    sqlx::query_as("SELECT * FROM journal WHERE event_id = $1").bind(event_id).fetch_optional(connection).await
}

/// The last change of the object that `row` belongs to.
async fn latest(connection: &mut PgConnection, row: &Row) -> sqlx::Result<Row> {
    let latest = "SELECT * FROM journal WHERE object_type = $1 AND object_id = $2 ORDER BY object_version DESC LIMIT 1";
    sqlx::query_as(latest).bind(&row.object_type).bind(&row.object_id).fetch_one(connection).await
}

/// Keeps others from changing the object until the transaction ends, if it exists.
async fn lock(connection: &mut PgConnection, object: &Object, id: &str) -> sqlx::Result<()> {
    let sql = format!("SELECT FROM {} WHERE {} FOR UPDATE", object.table, is_named(object));
    sqlx::query(AssertSqlSafe(sql)).bind(id).execute(connection).await?;
    Ok(())
}

/// The condition that a row of `object` has the id `$1`.
fn is_named(object: &Object) -> String {
    format!("{} = {}", object.key, object.key_of("$1"))
}

/// Puts the object back to its state before the change that `row` tells of.
#[instrument(level = "debug", name = "restore", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
async fn restore(connection: &mut PgConnection, object: &Object, row: &Row) -> sqlx::Result<()> {
    let Object { table, columns, .. } = object;
    let id = is_named(object);
    let former = match (&row.before, &row.secrets_before) {
        (Some(Value::Object(state)), Some(Value::Object(secrets))) => {
            Some(Value::Object(state.clone().into_iter().chain(secrets.clone()).collect()))
        }
        (state, _) => state.clone(),
    };
    let sql = match row.action.parse() {
        Ok(Action::Created) => format!("DELETE FROM {table} WHERE {id} AND $2::jsonb IS NULL"),
        Ok(Action::Deleted) => format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $2) WHERE {id}"
        ),
        _ => format!(
            "UPDATE {table} SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(NULL::{table}, $2)) WHERE {id}"
        ),
    };
    sqlx::query(AssertSqlSafe(sql)).bind(&row.object_id).bind(former).execute(connection).await?;
    Ok(())
}

//! The rules of preferred callback periods.

use configmgt_contract::{
    Call, Created, Failure, Outcome, Versioned,
    periods::{
        self as contract, CreatePeriod, DeletePeriod, GetPeriod, ListPeriods, PeriodFields, PeriodRefusal, UpdatePeriod,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing,
    sqlstate::{self, broken_constraint},
    text,
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::periods as store;

pub(crate) struct Periods {
    journal: Journal,
}

impl Periods {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Periods);

impl contract::Periods for Periods {
    async fn list(&self, _: &Call, ListPeriods {}: ListPeriods) -> Outcome<ListPeriods> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(
            Uuid::nil(),
            |row: &store::Row| row.uuid,
            move |after| store::above(connections.clone(), after),
        ))
    }

    async fn get(&self, _: &Call, GetPeriod { uuid }: GetPeriod) -> Outcome<GetPeriod> {
        store::get(self.journal.connections(), uuid).await?.ok_or_else(|| PeriodRefusal::NotFound { uuid }.into())
    }

    async fn create(&self, change: &mut Change, CreatePeriod(period): CreatePeriod) -> Outcome<CreatePeriod> {
        check(&period)?;
        let created = store::insert(change.connection(), &period).await;
        let Versioned { version, object } = created.map_err(duplicate)?;
        Ok(Created { id: object.uuid.to_string(), version, object })
    }

    async fn update(&self, change: &mut Change, UpdatePeriod { uuid, period }: UpdatePeriod) -> Outcome<UpdatePeriod> {
        check(&period)?;
        let connection = change.connection();
        match store::update(connection, uuid, &period).await.map_err(duplicate)? {
            Some(period) => Ok(period),
            None => Err(missing_or_default(connection, uuid).await?.into()),
        }
    }

    async fn delete(&self, change: &mut Change, DeletePeriod { uuid }: DeletePeriod) -> Outcome<DeletePeriod> {
        let connection = change.connection();
        let deleted = store::delete(connection, uuid).await.map_err(|error| match broken_constraint(&error) {
            Some("callback_request_period_uuid" | "callback_ticket_period_uuid") => {
                Failure::Refused(PeriodRefusal::InUse { uuid })
            }
            _ => error.into(),
        })?;
        if deleted { Ok(()) } else { Err(missing_or_default(connection, uuid).await?.into()) }
    }
}

fn check(PeriodFields { name, period_start, period_end, default: _ }: &PeriodFields) -> Result<(), PeriodRefusal> {
    text::check("name", name, text::MAX).map_err(|reason| PeriodRefusal::BadValue { reason })?;
    if name.contains('|') {
        // The CSV of imports names periods.
        return Err(PeriodRefusal::BadValue { reason: "name contains a |".to_owned() });
    }
    if period_start >= period_end {
        return Err(PeriodRefusal::BadValue { reason: "periodStart is not before periodEnd".to_owned() });
    }
    Ok(())
}

/// Why nothing was done to the period.
async fn missing_or_default(connection: &mut PgConnection, uuid: Uuid) -> sqlx::Result<PeriodRefusal> {
    Ok(if store::exists(connection, uuid).await? {
        PeriodRefusal::IsDefault { uuid }
    } else {
        PeriodRefusal::NotFound { uuid }
    })
}

fn duplicate(error: sqlx::Error) -> Failure<PeriodRefusal> {
    match sqlstate::duplicate(&error) {
        Some(constraint) => PeriodRefusal::Duplicate { constraint }.into(),
        None => error.into(),
    }
}

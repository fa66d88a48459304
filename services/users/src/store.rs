//! The SQL of the service, a file for each resource.

pub(crate) mod catalogues;
pub(crate) mod directory;
pub(crate) mod ice_servers;
pub(crate) mod known_queues;
pub(crate) mod lines;
pub(crate) mod lint;
pub(crate) mod preferences;
pub(crate) mod rights;
pub(crate) mod services;
pub(crate) mod user_import;
pub(crate) mod users;
pub(crate) mod validation;

pub(crate) use configmgt_runtime::sqlstate::broken_constraint;

use std::str::FromStr;

use serde::Deserialize;
use sqlx::{
    Postgres,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};

/// A value that the database keeps as the text that it is written as everywhere.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct Written<T>(pub(crate) T);

impl<T> sqlx::Type<Postgres> for Written<T> {
    fn type_info() -> PgTypeInfo {
        <str as sqlx::Type<Postgres>>::type_info()
    }

    fn compatible(kind: &PgTypeInfo) -> bool {
        <str as sqlx::Type<Postgres>>::compatible(kind)
    }
}

impl<'row, T: FromStr> sqlx::Decode<'row, Postgres> for Written<T> {
    fn decode(value: PgValueRef<'row>) -> Result<Self, BoxDynError> {
        let text = <&str as sqlx::Decode<Postgres>>::decode(value)?;
        text.parse().map(Self).map_err(|_| format!("'{text}' is not written as it should be").into())
    }
}

//! What is wrong with a file of CSV, as every import tells it.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::Example;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineError {
    /// The header's number is 1.
    pub line: u64,
    /// Left out where the whole line is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<Cow<'static, str>>,
    pub reason: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, reason } = self;
        match column {
            Some(column) => write!(f, "line {line}, {column}: {reason}"),
            None => write!(f, "line {line}: {reason}"),
        }
    }
}

/// What is wrong with a file: a list of the first errors for programs, and as a text for people that and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineErrors {
    pub first: Vec<LineError>,
    pub more: u64,
}

/// Each error with `; ` between, and how many more there are.
impl fmt::Display for LineErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.first.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Serialize for LineErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.first.serialize(serializer)
    }
}

impl PartialSchema for LineErrors {
    fn schema() -> RefOr<Schema> {
        Vec::<LineError>::schema()
    }
}

impl ToSchema for LineErrors {
    fn name() -> Cow<'static, str> {
        "LineErrors".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((LineError::name().into_owned(), LineError::schema()));
    }
}

impl Example for LineErrors {
    fn example() -> Self {
        let reason = "'jdoe' is taken, by another line or before".to_owned();
        Self { first: vec![LineError { line: 7, column: Some("login".into()), reason }], more: 0 }
    }
}

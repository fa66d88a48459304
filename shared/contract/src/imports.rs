//! Imports from CSV: what those of all kinds share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Example, callbacks, named::named, refusals, service, users};

service! {
    /// How imports fare. Every service that imports answers for its own.
    pub trait Imports("*", "imports") refuses ImportsRefusal {
        /// Get an import
        ///
        /// How far the import has come that was given this id, or how it ended. Kept for a day.
        read fn get(GetImport) -> Import, refuses NotFound;
    }
}

refusals! {
    /// What is said of an import that there is not.
    pub enum ImportsRefusal {
        NotFound { id: Uuid } => NotFound, "ImportNotFound", "Import {id} not found";
    }
}

/// The services that import.
pub const IMPORTERS: [&str; 2] = [users::SERVICE, callbacks::SERVICE];

/// How a client wants a file to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// Whether all is only tried.
    pub dry_run: bool,
    /// The name under which the client wants to follow it.
    pub import: Option<Uuid>,
}

/// Asks how an import fares.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct GetImport {
    pub id: Uuid,
}

named! {
    /// Where an import stands.
    pub enum ImportState {
        Running = "running",
        Done = "done",
        Failed = "failed",
    }
}

/// How an import fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// What is imported: `users` or `callback_requests`.
    pub kind: String,
    pub state: ImportState,
    /// Lines below the header that have been read.
    pub rows_read: i64,
    /// Of an import that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<i64>,
    /// Of an import that failed: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

impl Example for Import {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x019a_b5c2_1f3e_7c4a_9d21_5b8e_0f6a_7c11),
            kind: "users".to_owned(),
            state: ImportState::Running,
            rows_read: 12_000,
            imported: None,
            message: None,
            started_at: "2026-11-25T08:00:00Z".to_owned(),
            updated_at: "2026-11-25T08:00:04Z".to_owned(),
        }
    }
}

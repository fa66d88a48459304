//! The import of users from CSV.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Example, Unreadable,
    csv::{LineError, LineErrors},
    refusals, service,
};

service! {
    /// The import of users, owned by the `users` service.
    pub trait UserImport("users", "imports") refuses ImportRefusal {
        /// Import users from CSV
        ///
        /// UTF-8, fields separated by `|`, none quoted. The first line names the columns, in any order: `firstname`, and of
        /// `lastname`, `login`, `password`, `email`, `mobilePhoneNumber`, `externalPhoneNumber`, `entity`, `labels` (with commas
        /// between), `lineType`, `extension`, `context`, `site`, `lineNum` and `device` those that are used. All lines are
        /// imported or none. The answer to a dry run tells what would be.
        import fn users(ImportUsers) -> Imported, refuses BadCsv | UnderWay | NothingFree;

        /// Get an import
        ///
        /// How far the import has come that was given this id, or how it ended. Kept for a day.
        read fn get(GetImport) -> Import, refuses NotFound;
    }
}

refusals! {
    /// What imports say no with.
    pub enum ImportRefusal {
        BadCsv { errors: LineErrors } => Invalid, "BadCsv", "{errors}", with errors: LineErrors;
        UnderWay {} => Conflict, "Conflict", "another import of users is under way";
        NothingFree {} => Unavailable, "ServiceUnavailable", "No provisioning code is free";
        NotFound { id: Uuid } => NotFound, "ImportNotFound", "Import {id} not found";
    }
}

/// A file as the documents show it.
pub const EXAMPLE: &str = "firstname|lastname|login|lineType|extension|context\n\
    Marie|Lefort|mlefort|phone|1001|default\n\
    Paul|Morel|pmorel|||\n";

/// Imports users from the content that follows.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportUsers {
    /// Whether all is only tried.
    pub dry_run: bool,
    /// The name under which the client wants to follow it.
    pub import: Option<Uuid>,
}

/// Asks how an import fares.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetImport {
    pub id: Uuid,
}

/// How an import ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Imported {
    Done {
        /// How many users there are now that were not there before.
        imported: u64,
    },
    /// What a dry run found.
    Tried {
        /// How many users would be created.
        created: u64,
        /// How many lines are in the way of that.
        refused: u64,
        /// What is wrong with them: the first hundred.
        errors: Vec<LineError>,
    },
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportState {
    Running,
    Done,
    Failed,
}

impl std::str::FromStr for ImportState {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        match text {
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            _ => Err(Unreadable),
        }
    }
}

/// How an import fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// What is imported: `users`.
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

impl Example for Imported {
    fn example() -> Self {
        Self::Done { imported: 2 }
    }
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

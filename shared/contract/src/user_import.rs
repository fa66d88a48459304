//! The import of users from CSV.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Example,
    imports::ImportOptions,
    line_errors::{LineError, LineErrors},
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
    }
}

refusals! {
    /// What the import of users says no with.
    pub enum ImportRefusal {
        BadCsv { errors: LineErrors } => Invalid, "BadCsv", "{errors}", with errors: LineErrors;
        UnderWay {} => Conflict, "Conflict", "another import of users is under way";
        NothingFree {} => Unavailable, "ServiceUnavailable", "No provisioning code is free";
    }
}

/// A file as the documents show it.
pub const EXAMPLE: &str = "firstname|lastname|login|lineType|extension|context\n\
    Marie|Lefort|mlefort|phone|1001|default\n\
    Paul|Morel|pmorel|||\n";

/// Imports users from the content that follows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImportUsers(pub ImportOptions);

/// How an import of users ended well.
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

impl Example for Imported {
    fn example() -> Self {
        Self::Done { imported: 2 }
    }
}

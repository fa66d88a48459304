//! The import of callback requests from CSV.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Example,
    imports::ImportOptions,
    line_errors::{LineError, LineErrors},
    refusals, service,
};

service! {
    /// The import of callback requests, owned by the `callbacks` service.
    pub trait CallbackImport("callbacks", "imports") refuses CallbackImportRefusal {
        /// Import callback requests from CSV
        ///
        /// UTF-8, fields separated by `|`, none quoted. The first line names the columns, in any order: `phoneNumber`,
        /// `mobilePhoneNumber`, `firstName`, `lastName`, `company`, `description`, `dueDate` and `period`, those that are used. All
        /// lines are imported or none. Lines whose number another open request of the list has are imported and named. The answer
        /// to a dry run tells what would be.
        import fn callback_requests(ImportCallbackRequests) -> ImportedRequests, refuses BadCsv | ListNotFound | QueueDeleted;
    }
}

refusals! {
    /// What the import of callback requests says no with.
    pub enum CallbackImportRefusal {
        BadCsv { errors: LineErrors } => Invalid, "BadCsv", "{errors}", with errors: LineErrors;
        ListNotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback list {uuid} not found";
        QueueDeleted { list: Uuid, queue_id: i32 } => Conflict, "Conflict", "Callback list {list} takes no requests any more: queue {queue_id} was deleted";
    }
}

/// A file as the documents show it.
pub const EXAMPLE: &str = "phoneNumber|mobilePhoneNumber|firstName|lastName|company|description|dueDate|period\n\
    0230210092|0689746321|John|Doe|MyCompany|Call back quickly||\n\
    0587963214|0789654123|Alice|O'Neill|YourSociety||2016-08-01|Toute la journée\n";

/// Adds the requests of the content that follows to a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportCallbackRequests {
    pub list_uuid: Uuid,
    pub options: ImportOptions,
}

/// How an import of callback requests ended well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ImportedRequests {
    Done {
        /// How many requests there are now that were not there before.
        imported: u64,
        /// Left out where there are none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duplicates: Option<Duplicates>,
    },
    /// What a dry run found.
    Tried {
        /// How many requests would be created.
        created: u64,
        /// How many lines are in the way of that.
        refused: u64,
        /// What is wrong with them: the first hundred.
        errors: Vec<LineError>,
        /// Left out where there are none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duplicates: Option<Duplicates>,
    },
}

/// Lines whose number an open request of the list, or a line before them, has: a customer might be called twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duplicates {
    /// How many there are.
    pub total: u64,
    /// The first hundred.
    pub lines: Vec<u64>,
}

impl Example for ImportedRequests {
    fn example() -> Self {
        Self::Done { imported: 2, duplicates: None }
    }
}

//! Queues as they are managed. Owned by the `queue-dissuasion` service, with agents and dissuasions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Created, Example, Listing, Versioned, blank, events::Object, refusals, service};

/// The service's name on the bus.
pub const SERVICE: &str = "queue-dissuasion";

service! {
    /// Queues as they are managed: in what callers wait for an agent.
    pub trait Queues("queue-dissuasion", "queues") refuses QueueRefusal {
        /// Get all queues
        ///
        /// Answers all queues, ordered by id.
        read fn list(ListQueues) -> Listing<Queue>;

        /// Get a queue
        ///
        /// Answers the queue with this id.
        read fn get(GetQueue) -> Versioned<Queue>, refuses NotFound;

        /// Create a queue
        ///
        /// The name must not be taken. A `displayName` that is left out is the name.
        write fn create(CreateQueue) -> Created<Queue>, refuses Duplicate | BadValue;

        /// Replace a queue
        ///
        /// What is left out gets its default: `displayName` the name, `number` none. Agents, and queues that dissuade to it, keep it
        /// under its new name.
        write fn replace(ReplaceQueue) -> Versioned<Queue>, refuses NotFound | Duplicate | BadValue;

        /// Delete a queue
        ///
        /// Its agents stay without it, and its dissuasion is deleted, too. The dissuasion of a queue that dissuades to it becomes
        /// `other`.
        write fn delete(DeleteQueue) -> (), refuses NotFound;
    }
}

refusals! {
    /// What the queues' rules say no with.
    pub enum QueueRefusal {
        NotFound { id: i32 } => NotFound, "QueueNotFound", "Queue {id} not found";
        Duplicate { constraint: String } => Conflict, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    pub id: i32,
    /// Technical unique name. The sound files that the queue can use begin with it and `_`.
    pub name: String,
    pub display_name: String,
    /// What the queue is called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

impl Object for Queue {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "queue";
}

/// What a queue is made of, beside its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueFields {
    /// 1 to 128 of the letters A to Z in either case, digits, `_`, `.` and `-`, but not `general`; unique.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.-]+$")]
    pub name: String,
    /// 1 to 128 characters. Left out: the name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(min_length = 1, max_length = 128)]
    pub display_name: Option<String>,
    /// 1 to 40 of the digits, `*` and `#`. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(pattern = "^[0-9*#]{1,40}$")]
    pub number: Option<String>,
}

/// Asks for all queues.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListQueues {}

/// Asks for one queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetQueue {
    pub id: i32,
}

/// Creates a queue.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CreateQueue(pub QueueFields);

/// Replaces a queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplaceQueue {
    pub id: i32,
    pub fields: QueueFields,
}

/// Deletes a queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteQueue {
    pub id: i32,
}

impl Example for Queue {
    fn example() -> Self {
        Self { id: 3, name: "sales".to_owned(), display_name: "Sales".to_owned(), number: Some("3000".to_owned()) }
    }
}

impl Example for QueueFields {
    fn example() -> Self {
        let Queue { id: _, name, display_name, number } = Queue::example();
        Self { name, display_name: Some(display_name), number }
    }
}

impl Example for CreateQueue {
    fn example() -> Self {
        Self(QueueFields::example())
    }
}

//! What crosses the bus between the edge and the services.
//!
//! An operation is declared once, in a [`service!`] block. From that line follow the method a service must implement, the
//! subject it listens on, the types the edge sends and expects, and the operation's entry in the `OpenAPI` document. A request
//! type *is* its operation: [`Operation`] is implemented on it, so no request can belong to two of them.
//!
//! This crate does no I/O and knows neither NATS nor HTTP nor SQL.

pub mod agent_config;
pub mod agents;
pub mod callback_import;
pub mod callback_lists;
pub mod callback_requests;
pub mod callback_tickets;
pub mod callbacks;
pub mod catalogues;
pub mod changes;
pub mod csv;
pub mod dates;
pub mod directory;
pub mod dissuasions;
pub mod events;
pub mod filter;
pub mod ice_servers;
pub mod imports;
pub mod line_errors;
pub mod lines;
pub mod lint;
pub mod meetingrooms;
pub mod merge;
pub mod nested;
pub mod numbers;
pub mod password;
pub mod percent;
pub mod periods;
pub mod preferences;
pub mod queues;
pub mod rights;
pub mod services;
pub mod snapshots;
pub mod user_import;
pub mod users;
pub mod validation;

mod blank;
mod listing;
mod named;
mod objects;
mod operation;
mod patience;
mod quoted;
mod refusal;
mod reply;
mod written;

pub use listing::Listing;
pub use objects::objects;
pub use operation::{
    Call, ChangeOf, Changes, Endpoint, Expected, Handled, IdempotencyKey, Kind, Operation, OperationDoc, Outcome,
    Owner, Unjournaled, Unreadable, Work, Working,
};
pub use patience::{IMPORT_ANSWER, IMPORT_CONTENT, LENGTHY, LONGEST_WRITE};
pub use quoted::quoted;
pub use refusal::{
    BoxError, Broken, DetailDoc, Details, Failure, Fault, NoRefusal, Refusal, RefusalDoc, Status, chain,
};
pub use reply::{Answer, Body, Created, Example, PIECE_BYTES, Pieces, Reply, Success, Upload, Versioned, Whole};

#[doc(hidden)]
pub mod macros {
    pub use crate::{
        operation::{answer, read},
        refusal::{detail, details},
    };
    pub use std::{future::Future, sync::Arc, vec::Vec};
}

/// Every service of the product, by the name it has on the bus.
pub const SERVICES: [&str; 4] = [users::SERVICE, callbacks::SERVICE, queues::SERVICE, meetingrooms::SERVICE];

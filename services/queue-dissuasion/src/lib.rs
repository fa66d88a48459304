//! The `queue-dissuasion` service: queues, agents and dissuasions.

mod queues;
mod store;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::queues::{self as contract, Queues};
use configmgt_runtime::{
    journal::{Journal, Object},
    service::Description,
};

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Queues, agents and dissuasions",
    objects: &OBJECTS,
    initial: &[],
    handlers,
};

/// What it journals.
const OBJECTS: [Object; 1] = [store::queues::OBJECT];

fn handlers(handlers: Handlers, journal: Journal) -> Handlers {
    let queues = Arc::new(queues::Queues::new(journal));
    handlers.with(&queues, Queues::endpoints())
}

//! The `queue-dissuasion` service: queues, agents and dissuasions.

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::queues::{self, Queues};
use configmgt_runtime::{service::Description, sqlstate};
use sqlx::PgPool;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: queues::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Queues, agents and dissuasions",
    handlers,
};

struct Service;

impl Queues for Service {}

/// Its operations over the schema that `pool` leads to.
pub fn handlers(_pool: PgPool) -> Handlers {
    Handlers::new(queues::SERVICE, sqlstate::classify).with(&Arc::new(Service), Service::endpoints())
}

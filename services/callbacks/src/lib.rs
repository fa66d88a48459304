//! The `callbacks` service: callback lists, requests, periods and tickets.

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::callbacks::{self, Callbacks};
use configmgt_runtime::{service::Description, sqlstate};
use sqlx::PgPool;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: callbacks::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Callback lists, requests, periods and tickets",
    handlers,
};

struct Service;

impl Callbacks for Service {}

/// Its operations over the schema that `pool` leads to.
pub fn handlers(_pool: PgPool) -> Handlers {
    Handlers::new(callbacks::SERVICE, sqlstate::classify).with(&Arc::new(Service), Service::endpoints())
}

//! The `users` service: users with their lines, services, rights and preferences.

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::users::{self, Users};
use configmgt_runtime::{service::Description, sqlstate};
use sqlx::PgPool;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: users::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Users with their lines, services, rights and preferences",
    handlers,
};

struct Service;

impl Users for Service {}

/// Its operations over the schema that `pool` leads to.
pub fn handlers(_pool: PgPool) -> Handlers {
    Handlers::new(users::SERVICE, sqlstate::classify).with(&Arc::new(Service), Service::endpoints())
}

//! The `users` service: users with their lines, services, rights and preferences.

pub mod password;

mod store;
mod validation;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::{users, validation::Validation};
use configmgt_runtime::{journal::Journal, service::Description};

use password::Passwords;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: users::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Users with their lines, services, rights and preferences",
    objects: &[],
    handlers,
};

fn handlers(handlers: Handlers, journal: Journal) -> Handlers {
    let validator = Arc::new(validation::Validator::new(journal, Passwords::start()));
    handlers.with(&validator, Validation::endpoints())
}

//! The `users` service: users with their lines, services, rights and preferences.

pub mod password;

use configmgt_contract::users;
use configmgt_runtime::service::Description;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: users::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Users with their lines, services, rights and preferences",
    objects: &[],
    handlers: |handlers, _| handlers,
};

//! The `callbacks` service: callback lists, requests, periods and tickets.

use std::sync::Arc;

use configmgt_contract::{callbacks, lint::Lint};
use configmgt_runtime::{lint::NothingToFind, service::Description};

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: callbacks::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Callback lists, requests, periods and tickets",
    objects: &[],
    follows: &[],
    initial: &[],
    handlers: |handlers, journal| handlers.with_own(&Arc::new(NothingToFind::new(journal)), Lint::endpoints()),
};

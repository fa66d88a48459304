//! The `callbacks` service: callback lists, requests, periods and tickets.

use configmgt_contract::callbacks;
use configmgt_runtime::service::Description;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: callbacks::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Callback lists, requests, periods and tickets",
    objects: &[],
    initial: &[],
    handlers: |handlers, _| Ok(handlers),
};

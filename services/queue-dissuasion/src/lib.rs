//! The `queue-dissuasion` service: queues, agents and dissuasions.

use configmgt_contract::queues;
use configmgt_runtime::service::Description;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: queues::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Queues, agents and dissuasions",
    objects: &[],
    initial: &[],
    handlers: |handlers, _| Ok(handlers),
};

//! The process of the `queue-dissuasion` service.

use std::process::ExitCode;

fn main() -> ExitCode {
    configmgt_runtime::service::main(configmgt_queue_dissuasion::SERVICE)
}

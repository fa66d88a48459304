//! The process of the `callbacks` service.

use std::process::ExitCode;

fn main() -> ExitCode {
    configmgt_runtime::service::main(configmgt_callbacks::SERVICE)
}

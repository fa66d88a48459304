//! The process of the `users` service.

use std::process::ExitCode;

fn main() -> ExitCode {
    configmgt_runtime::service::main(configmgt_users::SERVICE)
}

//! The process of the `meetingroom` service.

use std::process::ExitCode;

fn main() -> ExitCode {
    configmgt_runtime::service::main(configmgt_meetingroom::SERVICE)
}

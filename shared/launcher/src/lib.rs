//! Every process of the product in one program.

use std::process::ExitCode;

use configmgt_runtime::service::Description;
use configmgt_stack::product::EDGE;

/// Runs the process `name` of the product in this very process, if there is one of that name. So one program can be all of
/// them, each in a process of its own.
pub fn process(name: &str) -> Option<ExitCode> {
    if name == EDGE {
        return Some(configmgt_edge::main());
    }
    SERVICES.into_iter().find(|service| service.name == name).map(configmgt_runtime::service::main)
}

const SERVICES: [Description; 4] = [
    configmgt_callbacks::SERVICE,
    configmgt_meetingroom::SERVICE,
    configmgt_queue_dissuasion::SERVICE,
    configmgt_users::SERVICE,
];

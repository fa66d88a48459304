//! The `queue-dissuasion` service: queues, agents and dissuasions.

mod agent_config;
mod agents;
mod queues;
mod store;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::{
    agent_config::AgentConfigs,
    agents::Agents,
    queues::{self as contract, Queues},
    users::User,
};
use configmgt_runtime::{
    follow::Follows,
    journal::{Journal, Object},
    service::Description,
};

use store::known_users::KnownUsers;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Queues, agents and dissuasions",
    objects: &[store::queues::OBJECT, store::agents::OBJECT],
    follows: &[Follows::of::<User, KnownUsers>()],
    initial: &[],
    handlers,
};

fn handlers(handlers: Handlers, journal: Journal) -> Handlers {
    let queues = Arc::new(queues::Queues::new(journal.clone()));
    let agents = Arc::new(agents::Agents::new(journal.clone()));
    let agent_configs = Arc::new(agent_config::AgentConfigs::new(journal));
    handlers
        .with(&queues, Queues::endpoints())
        .with(&agents, Agents::endpoints())
        .with(&agent_configs, AgentConfigs::endpoints())
}

//! The `queue-dissuasion` service: queues, agents and dissuasions.

mod agent_config;
mod agents;
mod dissuasions;
mod lint;
mod problems;
mod queues;
mod settings;
mod sounds;
mod store;

use configmgt_bus::Handlers;
use configmgt_contract::{
    agent_config::AgentConfigs,
    agents::Agents,
    dissuasions::Dissuasions,
    lint::Lint,
    queues::{self as contract, Queues},
    users::User,
};
use configmgt_runtime::{follow::Follows, journal::Journal, service::Description};

pub use settings::Settings;
use sounds::Sounds;
use store::known_users::KnownUsers;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Queues, agents and dissuasions",
    objects: &[store::queues::OBJECT, store::agents::OBJECT, store::dissuasions::OBJECT],
    follows: &[Follows::of::<User, KnownUsers>()],
    initial: &[],
    handlers: |handlers, journal| Ok(with_settings(handlers, journal, Settings::from_environment())),
};

/// Adds the service's operations to `handlers`, with these settings.
pub fn with_settings(handlers: Handlers, journal: Journal, settings: Settings) -> Handlers {
    let Settings { sounds_dir, default_queue } = settings;
    let sounds = Sounds::watch(sounds_dir);
    handlers
        .with(queues::Queues::new(journal.clone()), Queues::endpoints())
        .with(agents::Agents::new(journal.clone()), Agents::endpoints())
        .with(agent_config::AgentConfigs::new(journal.clone()), AgentConfigs::endpoints())
        .with(
            dissuasions::Dissuasions::new(journal.clone(), sounds.clone(), default_queue.clone()),
            Dissuasions::endpoints(),
        )
        .with_own(lint::Lint::new(journal, sounds, default_queue), Lint::endpoints())
}

//! The `users` service: users with their lines, services, rights and preferences.

pub mod password;

mod catalogues;
mod circles;
mod directory;
mod ice_servers;
mod lines;
mod lint;
mod preferences;
mod rights;
mod services;
mod store;
mod user_import;
mod users;
mod validation;

use configmgt_bus::Handlers;
use configmgt_contract::{
    agents::Agent,
    catalogues::{Contexts, Entities, Labels, Mediaservers},
    directory::Directory,
    ice_servers::IceServers,
    imports::Imports as _,
    lines::Lines,
    lint::Lint,
    preferences::Preferences,
    queues::Queue,
    rights::Rights,
    services::UserServices,
    user_import::UserImport,
    users::{self as contract, Users},
    validation::Validation,
};
use configmgt_runtime::{
    follow::Follows,
    imports::Imports,
    journal::{Journal, Object},
    service::Description,
};

use password::Passwords;
use store::known::{KnownAgents, KnownQueues};

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Users with their lines, services, rights and preferences",
    objects: &OBJECTS,
    follows: &[Follows::of::<Queue, KnownQueues>(), Follows::of::<Agent, KnownAgents>()],
    initial: &[ice_servers::INITIAL],
    handlers: |handlers, journal| Ok(with_operations(handlers, journal)),
};

/// What it journals.
const OBJECTS: [Object; 10] = [
    store::users::OBJECT,
    store::catalogues::entity::OBJECT,
    store::catalogues::mediaserver::OBJECT,
    store::catalogues::context::OBJECT,
    store::catalogues::label::OBJECT,
    store::lines::OBJECT,
    store::services::OBJECT,
    store::rights::OBJECT,
    store::preferences::OBJECT,
    store::ice_servers::OBJECT,
];

fn with_operations(handlers: Handlers, journal: Journal) -> Handlers {
    let passwords = Passwords::start();
    handlers
        .with(users::Users::new(journal.clone(), passwords.clone()), Users::endpoints())
        .with(user_import::UserImport::new(journal.clone(), passwords.clone()), UserImport::endpoints())
        .with_own(Imports::new(journal.clone()), Imports::endpoints())
        .with(validation::Validator::new(journal.clone(), passwords), Validation::endpoints())
        .with(directory::Directory::new(journal.clone()), Directory::endpoints())
        .with(catalogues::Catalogues::new(journal.clone()), Entities::endpoints())
        .with(catalogues::Catalogues::new(journal.clone()), Mediaservers::endpoints())
        .with(catalogues::Catalogues::new(journal.clone()), Contexts::endpoints())
        .with(catalogues::Catalogues::new(journal.clone()), Labels::endpoints())
        .with(lines::Lines::new(journal.clone()), Lines::endpoints())
        .with(services::UserServices::new(journal.clone()), UserServices::endpoints())
        .with(rights::Rights::new(journal.clone()), Rights::endpoints())
        .with(preferences::Preferences::new(journal.clone()), Preferences::endpoints())
        .with(ice_servers::IceServers::new(journal.clone()), IceServers::endpoints())
        .with_own(lint::Lint::new(journal), Lint::endpoints())
}

//! The `callbacks` service: callback lists, requests, periods and tickets.

mod callback_import;
mod callback_lists;
mod callback_requests;
mod callback_tickets;
mod clock;
mod expiry;
mod lint;
mod numbers;
mod periods;
mod store;

use configmgt_bus::Handlers;
use configmgt_contract::{
    callback_import::CallbackImport, callback_lists::CallbackLists, callback_requests::CallbackRequests,
    callback_tickets::CallbackTickets, callbacks, imports::Imports as _, lint::Lint, periods::Periods, queues::Queue,
};
use configmgt_runtime::{
    follow::Follows,
    imports::Imports,
    journal::{Journal, Object},
    service::Description,
    settings::SettingError,
};

use clock::Clock;
use store::known_queues::KnownQueues;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: callbacks::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Callback lists, requests, periods and tickets",
    objects: &OBJECTS,
    follows: &[Follows::of::<Queue, KnownQueues>()],
    initial: &[],
    handlers,
};

/// What it journals.
const OBJECTS: [Object; 4] = [
    store::periods::OBJECT,
    store::callback_lists::OBJECT,
    store::callback_requests::OBJECT,
    store::callback_tickets::OBJECT,
];

fn handlers(handlers: Handlers, journal: Journal) -> Result<Handlers, SettingError> {
    let clock = Clock::from_settings()?;
    tokio::spawn(expiry::run(journal.clone(), expiry::hold()?));
    Ok(handlers
        .with(periods::Periods::new(journal.clone()), Periods::endpoints())
        .with(callback_lists::CallbackLists::new(journal.clone()), CallbackLists::endpoints())
        .with(callback_requests::CallbackRequests::new(journal.clone(), clock.clone()), CallbackRequests::endpoints())
        .with(callback_tickets::CallbackTickets::new(journal.clone()), CallbackTickets::endpoints())
        .with(callback_import::CallbackImport::new(journal.clone(), clock.clone()), CallbackImport::endpoints())
        .with_own(Imports::new(journal.clone()), Imports::endpoints())
        .with_own(lint::Lint::new(journal, clock), Lint::endpoints()))
}

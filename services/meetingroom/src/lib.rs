//! The `meetingroom` service: meeting rooms.

mod meetingrooms;
mod store;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::{
    lint::Lint,
    meetingrooms::{self as contract, MeetingRooms},
};
use configmgt_runtime::{
    journal::{Journal, Object},
    lint::NothingToFind,
    service::Description,
};

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Meeting rooms",
    objects: &OBJECTS,
    follows: &[],
    initial: &[],
    handlers,
};

/// What it journals.
const OBJECTS: [Object; 1] = [store::meetingrooms::OBJECT];

fn handlers(handlers: Handlers, journal: Journal) -> Handlers {
    let rooms = Arc::new(meetingrooms::Rooms::new(journal.clone()));
    let lint = Arc::new(NothingToFind::new(journal));
    handlers.with(&rooms, MeetingRooms::endpoints()).with_own(&lint, Lint::endpoints())
}

//! The `meetingroom` service: meeting rooms.

mod meetingrooms;
mod store;

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
    handlers: |handlers, journal| Ok(with_operations(handlers, journal)),
};

/// What it journals.
const OBJECTS: [Object; 1] = [store::meetingrooms::OBJECT];

fn with_operations(handlers: Handlers, journal: Journal) -> Handlers {
    handlers
        .with(meetingrooms::Rooms::new(journal.clone()), MeetingRooms::endpoints())
        .with_own(NothingToFind::new(journal), Lint::endpoints())
}

//! The `meetingroom` service: meeting rooms.

mod meetingrooms;
mod store;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::meetingrooms::{self as contract, MeetingRooms};
use configmgt_runtime::{
    journal::{Journal, Object},
    service::Description,
    settings::SettingError,
};

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Meeting rooms",
    objects: &OBJECTS,
    initial: &[],
    handlers,
};

/// What it journals.
const OBJECTS: [Object; 1] = [store::meetingrooms::OBJECT];

fn handlers(handlers: Handlers, journal: Journal) -> Result<Handlers, SettingError> {
    let rooms = Arc::new(meetingrooms::Rooms::new(journal));
    Ok(handlers.with(&rooms, MeetingRooms::endpoints()))
}

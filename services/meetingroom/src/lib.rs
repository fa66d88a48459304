//! The `meetingroom` service: meeting rooms.

mod meetingrooms;
mod store;

use std::sync::Arc;

use configmgt_bus::Handlers;
use configmgt_contract::meetingrooms::{self as contract, MeetingRooms};
use configmgt_runtime::{service::Description, sqlstate};
use sqlx::PgPool;

/// The service, for [`configmgt_runtime::service::main`].
pub const SERVICE: Description = Description {
    name: contract::SERVICE,
    process: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    summary: "Meeting rooms",
    handlers,
};

/// Its operations over the schema that `pool` leads to.
pub fn handlers(pool: PgPool) -> Handlers {
    let rooms = Arc::new(meetingrooms::Rooms::new(pool));
    Handlers::new(contract::SERVICE, sqlstate::classify).with(&rooms, MeetingRooms::endpoints())
}

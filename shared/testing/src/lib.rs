//! What the tests of the services share: a [`Tested`] service, and the calls and faults of its tests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "all of it panics where the test has failed")]

mod calls;
mod faults;
mod imports;
mod tested;
mod writes;

pub use calls::{call, expecting, keyed};
pub use configmgt_stack::databases::Database;
pub use faults::{bad_csv, bad_request, duplicate, fault};
pub use imports::content;
pub use tested::Tested;
pub use writes::Writes;

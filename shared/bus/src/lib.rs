//! Requests and replies over NATS.
//!
//! The edge asks through a [`Caller`], a service answers through a [`Server`]; both see the same [`Handlers`] table when a test
//! puts a [`Local`] transport between them instead. Only this crate names `async_nats`.
//!
//! The rules it keeps, whatever happens on either side:
//! - an operation always gets a reply, also when its handler fails;
//! - nothing is sent while the connection is down, and what arrives too late is not carried out;
//! - a reader never waits: a request gets a permit or an immediate refusal;
//! - a stop loses no request that is already on its way;
//! - no message is larger than a piece, and nobody holds a whole list.

mod attempts;
mod caller;
mod connection;
mod discovery;
mod events;
mod feed;
mod freshness;
mod handlers;
mod headers;
mod line;
mod local;
mod micro;
mod pieces;
mod pull;
mod push;
mod reply;
mod retry;
mod server;
mod trace;
mod transport;
mod uploads;
mod waiting;

pub use caller::Caller;
pub use connection::{ConnectError, Connection};
pub use discovery::{DiscoveryError, Instance};
pub use events::{EventError, EventStream, NotStored, Position};
pub use feed::{Events, Stored};
pub use handlers::{Classify, Handlers};
pub use local::Local;
pub use micro::Identity;
pub use retry::Patience;
pub use server::{Limits, ServeError, Server};
pub use trace::continue_trace;
pub use transport::{Request, Transport};

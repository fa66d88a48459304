//! HTTP in front of the bus.
//!
//! A request's way: [`server`] (connections) → [`application`] (id, log line, limits, slashes, token) → [`routes`] (which
//! operation) → [`table`] (path and body to the request, reply to the response) → the bus. Whatever goes wrong on it becomes
//! a [`problem`] with the envelope `{"error", "message"}`.

mod application;
mod arrival;
mod asyncapi;
mod by_name;
mod callback_lists;
mod changes;
mod documents;
mod etag;
mod events;
mod exchange;
mod health;
mod imports;
mod inputs;
mod limits;
mod linger;
mod lint;
mod location;
mod problem;
mod process;
pub mod routes;
pub mod server;
mod table;
mod token;

pub use application::Application;
pub use limits::ImportLimits;
pub use process::main;
pub use token::{Token, Tokens};

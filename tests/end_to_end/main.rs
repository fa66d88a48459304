//! The whole product over real servers: the edge, the four services, nats-server and PostgreSQL, each a process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod faults;
mod health;
mod lists;
mod logs;
mod meetingrooms;
mod restarts;
mod running;
mod traces;

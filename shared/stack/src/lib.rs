//! A private nats-server and PostgreSQL for `cargo run`, for tests and for benchmarks, and the product's own processes.
//!
//! Nothing here touches a server that somebody else runs: the servers listen on 127.0.0.1 only, on ports of their own,
//! and keep everything in a folder of their own. Nothing here outlives the process that started it, even when that is
//! killed with SIGKILL.
//!
//! Everything blocks, and nothing depends on a tokio runtime: the handles outlive the runtime of the test that made
//! them. Asynchronous callers wrap a start or a stop in `spawn_blocking`. The one exception is [`Process::wait`], which
//! is there to be selected on.
//!
//! Linux is what this is made for and tried on.

mod child;
pub mod databases;
mod error;
mod folder;
mod guard;
mod identity;
mod leftover;
mod log;
mod nats;
mod pinned;
pub mod port;
mod postgres;
mod process;
pub mod product;
mod random;
pub mod scratch;
mod system;
mod tools;
mod version;

pub use error::Error;
pub use nats::{Nats, NatsOptions};
pub use postgres::{Postgres, PostgresOptions};
pub use process::{Output, Process};
pub use tools::{Tools, home};

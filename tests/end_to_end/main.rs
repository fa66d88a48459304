//! The whole product over real servers: the edge, the four services, nats-server and PostgreSQL, each a process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod agents;
mod callback_imports;
mod callbacks;
mod catalogues;
mod directory;
mod dissuasions;
mod events;
mod faults;
mod feed;
mod health;
mod history;
mod ice_servers;
mod imports;
mod kills;
mod lines;
mod lint;
mod lists;
mod logs;
mod meetingrooms;
mod observed;
mod preferences;
mod queues;
mod restarts;
mod retries;
mod rights;
mod running;
mod services;
mod soak;
mod subscribers;
mod traces;
mod users;
mod validation;

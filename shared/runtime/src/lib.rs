//! What every service needs beside its rules and its SQL.

pub mod arrivals;
pub mod connections;
pub mod csv;
pub mod database;
pub mod filter;
pub mod follow;
pub mod imports;
pub mod journal;
pub mod lint;
pub mod listing;
pub mod lookup;
pub mod service;
pub mod sqlstate;
pub mod text;
pub mod written;

mod background;
mod fail;
mod history;
mod owner;
mod prune;
mod relay;
mod snapshots;

pub use configmgt_process::settings;

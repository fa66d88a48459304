//! What every service needs beside its rules and its SQL.

pub mod database;
pub mod filter;
pub mod service;
pub mod sqlstate;

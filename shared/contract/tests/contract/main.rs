//! What crosses the bus, as text and as types.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod find;
mod listing;
mod merge;
mod named;
mod operations;
mod password;
mod rooms;
mod users;

use serde::de::DeserializeOwned;

/// Why `text` is no `T`, without the place in the text.
fn refusal_of<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
    let error = serde_json::from_str::<T>(text).unwrap_err().to_string();
    error.split(" at line ").next().unwrap_or_default().to_owned()
}

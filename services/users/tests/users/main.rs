//! The users service.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod password;

//! Callback lists, requests, periods and tickets, owned by the `callbacks` service.

/// The service's name on the bus.
pub const SERVICE: &str = "callbacks";

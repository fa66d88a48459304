//! Users with their lines, services, rights and preferences, owned by the `users` service.

/// The service's name on the bus.
pub const SERVICE: &str = "users";

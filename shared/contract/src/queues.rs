//! Queues, agents and dissuasions, owned by the `queue-dissuasion` service.

/// The service's name on the bus.
pub const SERVICE: &str = "queue-dissuasion";

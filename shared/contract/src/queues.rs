//! Queues, agents and dissuasions, owned by the `queue-dissuasion` service.

use crate::{NoRefusal, service};

/// The service's name on the bus.
pub const SERVICE: &str = "queue-dissuasion";

service! {
    /// Queues, agents and dissuasions, owned by the `queue-dissuasion` service.
    pub trait Queues("queue-dissuasion", "queues") refuses NoRefusal {}
}

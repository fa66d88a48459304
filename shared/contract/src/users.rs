//! Users with their lines, services, rights and preferences, owned by the `users` service.

use crate::{NoRefusal, service};

/// The service's name on the bus.
pub const SERVICE: &str = "users";

service! {
    /// Users with their lines, services, rights and preferences, owned by the `users` service.
    pub trait Users("users", "users") refuses NoRefusal {}
}

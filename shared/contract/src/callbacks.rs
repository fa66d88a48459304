//! Callback lists, requests, periods and tickets, owned by the `callbacks` service.

use crate::{NoRefusal, service};

/// The service's name on the bus.
pub const SERVICE: &str = "callbacks";

service! {
    /// Callback lists, requests, periods and tickets, owned by the `callbacks` service.
    pub trait Callbacks("callbacks", "callbacks") refuses NoRefusal {}
}

//! What passes between the application and the handlers of its routes.

use std::sync::Arc;

use configmgt_bus::Transport;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Edge {
    /// The way to the services.
    pub(crate) transport: Arc<dyn Transport>,
}

/// The route that answered, on the response, for the log line. A response without it matched none.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub(crate) &'static str);

//! What passes between the application and the handlers of its routes.

use std::sync::Arc;

use configmgt_bus::{Events, Transport};
use tokio::sync::{Semaphore, watch};

use crate::ImportLimits;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Edge {
    /// The way to the services.
    pub(crate) transport: Arc<dyn Transport>,
    /// The way to the streams of events.
    pub(crate) events: Arc<dyn Events>,
    pub(crate) imports: ImportLimits,
    /// How many more readers may follow the changes.
    pub(crate) feeds: Arc<Semaphore>,
    /// True as soon as answers that do not end by themselves are to end.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The route that answered, on the response, for the log line. A response without it matched none.
#[derive(Clone, Copy)]
pub(crate) struct Route(pub(crate) &'static str);

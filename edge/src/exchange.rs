//! What passes between the application and the handlers of its routes.

use std::sync::Arc;

use configmgt_bus::{Events, Transport};
use configmgt_contract::{Answer, Call, Fault, Operation, Status};
use futures_util::future::join_all;
use tokio::sync::{Semaphore, watch};

use crate::{ImportLimits, table::request};

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

/// Asks several services for what one of them may have: that one with its answer. As long as one has not answered, nobody knows that
/// none has it.
pub(crate) async fn found<O: Operation + Copy + Sync>(
    edge: &Edge,
    operation: O,
    services: &[&'static str],
    call: &Call,
) -> Result<Option<(&'static str, Answer)>, Fault> {
    let questions = services.iter().map(|service| async move {
        let request = request(&operation, O::DOC.of(service), call.clone())?;
        Ok((*service, edge.transport.call(request).await?))
    });
    let (mut found, mut failed) = (None, None);
    for answer in join_all(questions).await {
        match answer {
            Ok(answer) => found = Some(answer),
            Err(fault @ Fault { status: Status::NotFound, .. }) => drop(fault),
            Err(fault) => failed = Some(fault),
        }
    }
    match (found, failed) {
        (Some(found), _) => Ok(Some(found)),
        (None, Some(fault)) => Err(fault),
        (None, None) => Ok(None),
    }
}

//! A reply that is waited for.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_nats::{Message, StatusCode};
use configmgt_contract::{Fault, Status};
use futures_util::FutureExt;
use tokio::{sync::oneshot, time::timeout};

use crate::{line::Line, local::no_listener};

/// A reply on its way over a connection. Dropped, it is not waited for any more.
pub(crate) struct Reply {
    token: u64,
    receiver: oneshot::Receiver<Message>,
    line: Arc<Line>,
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// Nobody listens there.
    Nobody,
    /// The connection is lost, and no reply comes over it.
    BusDown,
    /// It did not come in time.
    Late,
}

impl Reply {
    pub(crate) const fn new(token: u64, receiver: oneshot::Receiver<Message>, line: Arc<Line>) -> Self {
        Self { token, receiver, line }
    }

    /// Waits for it no longer than this.
    pub(crate) async fn wait(&mut self, patience: Duration) -> Result<Message, NoReply> {
        timeout(patience, self).await.unwrap_or(Err(NoReply::Late))
    }
}

impl Future for Reply {
    type Output = Result<Message, NoReply>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_unpin(context).map(|received| match received {
            Ok(message) if message.status == Some(StatusCode::NO_RESPONDERS) => Err(NoReply::Nobody),
            Ok(message) => Ok(message),
            Err(_) => Err(NoReply::BusDown),
        })
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.line.close(self.token);
        // It may have come unseen.
        if let Ok(unwanted) = self.receiver.try_recv() {
            self.line.decline(&unwanted);
        }
    }
}

impl NoReply {
    /// What it means where `service` was asked.
    pub(crate) fn from(self, service: &str) -> Fault {
        match self {
            Self::Nobody => no_listener(service),
            Self::BusDown => bus_down(),
            Self::Late => timed_out(service),
        }
    }
}

pub(crate) fn bus_down() -> Fault {
    Fault::new(Status::Unavailable, "the message bus cannot be reached")
}

pub(crate) fn timed_out(service: &str) -> Fault {
    Fault::new(Status::TimedOut, format!("the {service} service did not answer in time"))
}

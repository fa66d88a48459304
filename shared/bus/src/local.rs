use std::{sync::Arc, time::Duration};

use configmgt_contract::{Answer, Fault, Status, Upload};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};

use crate::{Events, Handlers, Position, Request, Stored, Transport};

/// The handlers themselves, without a bus between: for tests of what lies on either side of it.
#[derive(Default)]
pub struct Local {
    services: Vec<Arc<Handlers>>,
}

impl Local {
    #[must_use]
    pub fn with(mut self, handlers: Arc<Handlers>) -> Self {
        self.services.push(handlers);
        self
    }
}

impl Transport for Local {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Answer, Fault>> {
        self.import(request, stream::empty().boxed())
    }

    fn import(&self, request: Request, content: Upload) -> BoxFuture<'_, Result<Answer, Fault>> {
        let subject = request.operation.subject();
        let handler = self.services.iter().find_map(|service| service.on(&subject)).cloned();
        async move {
            match handler {
                Some(handler) => handler.handle(request.call, request.body, content).await,
                None => Err(no_listener(request.operation.service)),
            }
        }
        .boxed()
    }

    fn ping<'a>(&'a self, service: &'a str, _: Duration) -> BoxFuture<'a, Result<(), Fault>> {
        let listens = self.services.iter().any(|handlers| handlers.service() == service);
        async move { if listens { Ok(()) } else { Err(no_listener(service)) } }.boxed()
    }
}

pub(crate) fn no_listener(service: &str) -> Fault {
    Fault::new(Status::Unavailable, format!("no instance of the {service} service is listening"))
}

/// Without a bus there are no streams.
impl Events for Local {
    fn position<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Position>, Fault>> {
        async { Err(no_stream()) }.boxed()
    }

    fn next<'a>(&'a self, _: &'a str, _: &'a str, _: u64) -> BoxFuture<'a, Result<Option<Stored>, Fault>> {
        async { Err(no_stream()) }.boxed()
    }

    fn published<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<BoxStream<'static, ()>, Fault>> {
        async { Err(no_stream()) }.boxed()
    }
}

fn no_stream() -> Fault {
    Fault::new(Status::Unavailable, "there is no stream of events")
}

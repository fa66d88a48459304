use std::{sync::Arc, time::Duration};

use configmgt_contract::{Answer, Fault, Status};
use futures_util::{FutureExt, future::BoxFuture};

use crate::{Handlers, Request, Transport};

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
        let handler = self.services.iter().find_map(|service| service.on(request.operation.subject)).cloned();
        async move {
            match handler {
                Some(handler) => handler.handle(request.call, request.body).await,
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

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use configmgt_contract::{
    Answer, BoxError, Broken, Call, Endpoint, Fault, Handled, OperationDoc, Status, Upload, chain,
};
use futures_util::FutureExt;
use tracing::{error, warn};

use crate::transport::remaining;

/// Turns an error that is no refusal into what the client may know of it.
pub type Classify = fn(&BoxError) -> Fault;

type Run = Arc<dyn Fn(Call, Bytes, Upload) -> Handled + Send + Sync>;

/// A service's operations with their handlers, for any transport.
pub struct Handlers {
    service: &'static str,
    classify: Classify,
    by_subject: HashMap<String, Handler>,
}

#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) operation: OperationDoc,
    run: Run,
    classify: Classify,
}

impl Handlers {
    pub fn new(service: &'static str, classify: Classify) -> Self {
        Self { service, classify, by_subject: HashMap::new() }
    }

    /// Adds the endpoints that every service has, as this service's own.
    #[must_use]
    pub fn with_own<R: Send + Sync + 'static>(self, resource: impl Into<Arc<R>>, endpoints: Vec<Endpoint<R>>) -> Self {
        let service = self.service;
        let own = endpoints.into_iter().map(|endpoint| Endpoint { doc: endpoint.doc.of(service), ..endpoint });
        self.with(resource, own.collect())
    }

    /// Adds a resource's endpoints, handled by `resource`.
    #[must_use]
    pub fn with<R: Send + Sync + 'static>(mut self, resource: impl Into<Arc<R>>, endpoints: Vec<Endpoint<R>>) -> Self {
        let resource = resource.into();
        for Endpoint { doc, run } in endpoints {
            let resource = Arc::clone(&resource);
            let run: Run = Arc::new(move |call, body, content| run(Arc::clone(&resource), call, body, content));
            self.by_subject.insert(doc.subject(), Handler { operation: doc, run, classify: self.classify });
        }
        self
    }

    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// What it can be asked.
    pub fn operations(&self) -> impl Iterator<Item = OperationDoc> {
        self.by_subject.values().map(|handler| handler.operation)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Handler> {
        self.by_subject.values()
    }

    pub(crate) fn on(&self, subject: &str) -> Option<&Handler> {
        self.by_subject.get(subject)
    }
}

impl Handler {
    /// Carries the request out, unless its time is over already, and until it is over.
    pub(crate) async fn handle(&self, call: Call, body: Bytes, content: Upload) -> Result<Answer, Fault> {
        let request_id = call.request_id.clone();
        let patience = remaining(call.deadline);
        if patience.is_zero() {
            return Err(Fault::new(Status::TimedOut, "the request came too late and was not carried out"));
        }
        // A handler that panics must not leave its caller without a reply.
        let handled = AssertUnwindSafe((self.run)(call, body, content)).catch_unwind();
        match tokio::time::timeout(patience, handled).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(Broken::Refused(fault)))) => Err(fault),
            Ok(Ok(Err(Broken::Error(error)))) => Err(self.broken(&request_id, &error)),
            Ok(Err(_)) => Err(self.broken(&request_id, &"the handler panicked".into())),
            Err(_) => Err(unfinished()),
        }
    }

    /// Logs an error with its chain, here and nowhere else, and gives what the client may know.
    pub(crate) fn broken(&self, request_id: &str, error: &BoxError) -> Fault {
        // What ails an upload is a fault already.
        let fault = error.downcast_ref::<Fault>().cloned().unwrap_or_else(|| (self.classify)(error));
        let chain = chain(error.as_ref());
        if fault.status == Status::Broken {
            error!(request_id, operation = self.operation.name, error = chain, "request broke");
        } else {
            warn!(
                request_id,
                operation = self.operation.name,
                status = fault.status.http(),
                error = chain,
                "request failed"
            );
        }
        fault
    }
}

/// Of a request whose time was over before its answer was there.
pub(crate) fn unfinished() -> Fault {
    Fault::new(Status::TimedOut, "the service did not finish in time")
}

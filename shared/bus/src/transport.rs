use std::time::{Duration, Instant};

use bytes::Bytes;
use configmgt_contract::{Answer, BoxError, Call, Fault, Operation, OperationDoc, Upload};
use futures_util::future::BoxFuture;

/// A request ready to leave.
#[derive(Debug, Clone)]
pub struct Request {
    pub operation: OperationDoc,
    pub body: Bytes,
    pub call: Call,
}

impl Request {
    pub fn new<O: Operation>(operation: &O, call: Call) -> Result<Self, BoxError> {
        Ok(Self { operation: O::DOC, body: serde_json::to_vec(operation)?.into(), call })
    }
}

/// A way to the services: NATS, or the handlers themselves in a test.
pub trait Transport: Send + Sync + 'static {
    /// Asks and waits for the answer, until the call's deadline at most.
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Answer, Fault>>;

    /// Asks for an import and sends its content after it, as fast as the service takes it. An error of the content is the answer,
    /// and the service gives the import up; so it does when the future is dropped.
    fn import(&self, request: Request, content: Upload) -> BoxFuture<'_, Result<Answer, Fault>>;

    /// Whether an instance of the service answers within `patience`.
    fn ping<'a>(&'a self, service: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), Fault>>;
}

/// What is left until `deadline`.
pub(crate) fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

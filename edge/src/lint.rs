//! The lint, over all services.

use configmgt_contract::{
    Answer, BoxError, Call, Fault, Listing, Operation, Reply, SERVICES, Status,
    lint::{Finding, ListFindings},
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, try_join_all},
    stream,
};

use crate::{changes::ask, exchange::Edge};

/// Asks every service for its share. The shares are awaited whole before the answer begins: one that is missing makes the whole
/// fail, for a lint with holes would look like one without.
pub(crate) fn list(edge: Edge, request: ListFindings, call: Call) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move {
        let shares = SERVICES.map(|service| {
            ask::<ListFindings, Vec<Finding>>(&edge, request, ListFindings::DOC.of(service), call.clone())
        });
        let shares = try_join_all(shares).await?.into_iter().map(Ok::<_, BoxError>);
        let listing = Listing::of_batches(stream::iter(shares));
        listing.answer().map_err(|error| Fault::new(Status::Broken, error.to_string()))
    }
    .boxed()
}

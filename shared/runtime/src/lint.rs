//! The lint of a service whose configuration hurts nobody.

use configmgt_contract::{
    BoxError, Call, Listing, Outcome,
    lint::{Lint, ListFindings},
};
use futures_util::stream;

use crate::{journal::Journal, journaled};

/// The share of a service that has nothing to find.
pub struct NothingToFind {
    journal: Journal,
}

impl NothingToFind {
    pub const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(NothingToFind);

impl Lint for NothingToFind {
    async fn list(&self, _: &Call, ListFindings {}: ListFindings) -> Outcome<ListFindings> {
        Ok(Listing::of_batches(stream::empty::<Result<_, BoxError>>()))
    }
}

//! Imports: what stands behind their `?`, and where they are followed.

use configmgt_contract::{
    Answer, Call, Fault, Refusal,
    imports::{GetImport, IMPORTERS, ImportOptions, ImportsRefusal},
};
use futures_util::{FutureExt, future::BoxFuture};
use utoipa::openapi::Type;

use crate::{
    exchange::{Edge, found},
    inputs::{Given, Parameters, QueryParameter},
};

impl Parameters for ImportOptions {
    const NAMES: &'static [QueryParameter] = &[
        QueryParameter {
            name: "dry_run",
            kind: Type::Boolean,
            description: "`true`: all is checked as if it were imported, and nothing is stored. `false` by default.",
        },
        QueryParameter {
            name: "import",
            kind: Type::String,
            description: "A new UUID, under which `GET /imports/{id}` tells how far the import has come.",
        },
    ];

    fn read(given: &Given) -> Result<Self, Fault> {
        given.only(Self::NAMES)?;
        Ok(Self { dry_run: given.flag("dry_run")?, import: given.uuid("import")? })
    }
}

/// Asks every service that imports; one of them may have it.
pub(crate) fn get(edge: Edge, import: GetImport, call: Call) -> BoxFuture<'static, Result<Answer, Fault>> {
    async move {
        let found = found(&edge, import, &IMPORTERS, &call).await?;
        found.map(|(_, answer)| answer).ok_or_else(|| ImportsRefusal::NotFound { id: import.id }.fault())
    }
    .boxed()
}

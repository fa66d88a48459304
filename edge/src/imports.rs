//! What stands behind the `?` of an import.

use configmgt_contract::{Fault, user_import::ImportUsers};
use utoipa::openapi::Type;

use crate::inputs::{Given, Parameters, QueryParameter};

impl Parameters for ImportUsers {
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
        Ok(Self { dry_run: given.flag("dry_run")?, import: given.uuid("import")? })
    }
}

//! What stands behind the `?` of the callback lists.

use configmgt_contract::{Fault, callback_lists::ListCallbackLists};
use utoipa::openapi::Type;

use crate::inputs::{Given, Parameters, QueryParameter};

impl Parameters for ListCallbackLists {
    const NAMES: &'static [QueryParameter] = &[QueryParameter {
        name: "withRequest",
        kind: Type::Boolean,
        description: "`true`: only the lists that have an open callback request. `false` by default.",
    }];

    fn read(given: &Given) -> Result<Self, Fault> {
        Ok(Self { with_request: given.flag("withRequest")? })
    }
}

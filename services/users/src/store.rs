//! The SQL of the service, a file for each resource.

pub(crate) mod catalogues;
pub(crate) mod directory;
pub(crate) mod ice_servers;
pub(crate) mod known;
pub(crate) mod lines;
pub(crate) mod lint;
pub(crate) mod preferences;
pub(crate) mod rights;
pub(crate) mod services;
pub(crate) mod user_import;
pub(crate) mod users;
pub(crate) mod validation;

pub(crate) use configmgt_runtime::{sqlstate::broken_constraint, written::Written};

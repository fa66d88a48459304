//! The SQL of the service, a file for each resource.

pub(crate) mod callback_import;
pub(crate) mod callback_lists;
pub(crate) mod callback_requests;
pub(crate) mod callback_tickets;
pub(crate) mod expiry;
pub(crate) mod known_queues;
pub(crate) mod lint;
pub(crate) mod periods;

//! The SQL of the service, a file for each resource.

pub(crate) mod queues;

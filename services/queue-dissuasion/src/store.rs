//! The SQL of the service, a file for each resource.

pub(crate) mod agent_config;
pub(crate) mod agents;
pub(crate) mod dissuasions;
pub(crate) mod known_users;
pub(crate) mod queues;

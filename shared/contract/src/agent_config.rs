//! Agents as XiVO's assistants read them: each with its places in queues. Owned by the `queue-dissuasion` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, Listing, Versioned, refusals, service};

service! {
    /// Agents with their places in queues.
    pub trait AgentConfigs("queue-dissuasion", "agent_config") refuses AgentConfigRefusal {
        /// Get all agent configurations list
        ///
        /// Answers all the agents together with associated queues, ordered by id.
        read fn list(ListAgentConfigs) -> Listing<AgentConfig>;

        /// Get agent configuration
        ///
        /// Answers the agent's configuration together with associated queues.
        read fn get(GetAgentConfig) -> Versioned<AgentConfig>, refuses NotFound;
    }
}

refusals! {
    /// What is said where there is no such agent.
    pub enum AgentConfigRefusal {
        NotFound { id: i32 } => NotFound, "AgentNotFound", "Agent {id} not found";
    }
}

/// An agent with its places in queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AgentConfig {
    pub id: i32,
    pub firstname: String,
    pub lastname: String,
    pub number: String,
    pub context: String,
    pub member: Vec<QueueMember>,
    /// The group of agents.
    pub numgroup: i32,
    /// The user who is the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userid: Option<i32>,
}

/// An agent's place in a queue, in the words of Asterisk's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueMember {
    pub queue_name: String,
    pub queue_id: i32,
    /// `Agent/` and the agent's number.
    pub interface: String,
    pub penalty: i32,
    /// 0: the place counts.
    pub commented: i32,
    /// `Agent`.
    pub usertype: String,
    /// The agent's id, as `usertype` says.
    pub userid: i32,
    /// `Agent`.
    pub channel: String,
    /// `Queue`.
    pub category: String,
    pub position: i32,
}

/// Asks for all agents with their places in queues.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListAgentConfigs {}

/// Asks for one agent with its places in queues.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetAgentConfig {
    pub id: i32,
}

impl Example for AgentConfig {
    fn example() -> Self {
        let member = |queue_id: i32| QueueMember {
            queue_name: format!("queue{queue_id}"),
            queue_id,
            interface: "Agent/1001".to_owned(),
            penalty: queue_id,
            commented: 0,
            usertype: "Agent".to_owned(),
            userid: 1,
            channel: "Agent".to_owned(),
            category: "Queue".to_owned(),
            position: 1,
        };
        Self {
            id: 1,
            firstname: "John".to_owned(),
            lastname: "Doe".to_owned(),
            number: "1001".to_owned(),
            context: "default".to_owned(),
            member: vec![member(1), member(2)],
            numgroup: 1,
            userid: Some(1),
        }
    }
}

//! Agents as they are managed, with the queues that they serve. Owned by the `queue-dissuasion` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Created, Example, Listing, Versioned, events::Object, merge, numbers, queues::SERVICE, refusals, service};

service! {
    /// Agents as they are managed: who answers the callers of queues.
    pub trait Agents("queue-dissuasion", "agents") refuses AgentRefusal {
        /// Get all agents
        ///
        /// Answers all agents with their queues, ordered by id.
        read fn list(ListAgents) -> Listing<Agent>;

        /// Get an agent
        ///
        /// Answers the agent with this id, with its queues.
        read fn get(GetAgent) -> Versioned<Agent>, refuses NotFound;

        /// Create an agent
        ///
        /// The number must not be taken; the user and the queues must exist.
        write fn create(CreateAgent) -> Created<Agent>,
            refuses Duplicate | UnknownUser | UnknownQueue | BadValue | Busy;

        /// Replace an agent
        ///
        /// What is left out is removed or gets its default, the queues too.
        write fn replace(ReplaceAgent) -> Versioned<Agent>,
            refuses NotFound | Duplicate | UnknownUser | UnknownQueue | BadValue | Busy;

        /// Delete an agent
        ///
        /// It leaves its queues.
        write fn delete(DeleteAgent) -> (), refuses NotFound;
    }
}

refusals! {
    /// What the agents' rules say no with.
    pub enum AgentRefusal {
        NotFound { id: i32 } => NotFound, "AgentNotFound", "Agent {id} not found";
        Duplicate { constraint: String } => Conflict, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        UnknownUser { user_id: i64 } => Invalid, "BadRequest", "userid: there is no user {user_id}";
        UnknownQueue { reason: String } => Invalid, "BadRequest", "queues: {reason}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        Busy {} => Unavailable, "ServiceUnavailable", "too many agents wait for users who are not known yet; try again";
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub id: i32,
    pub firstname: String,
    /// May be empty.
    pub lastname: String,
    /// What the agent logs in with; unique.
    pub number: String,
    pub context: String,
    /// The group of agents.
    pub numgroup: i32,
    /// The user who is the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userid: Option<i32>,
    /// The queues that the agent serves, in the order given.
    pub queues: Vec<Membership>,
}

impl Object for Agent {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "agent";
}

/// An agent's place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub queue_id: i32,
    /// Agents with a lower one are called first.
    pub penalty: i32,
    /// The agent's place among those of the queue.
    pub position: i32,
}

/// What an agent is made of, beside its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentFields {
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub firstname: String,
    /// At most 128 characters.
    #[schema(max_length = 128)]
    pub lastname: String,
    /// What the agent logs in with; unique. 1 to 40 of the digits, `*` and `#`.
    #[schema(pattern = "^[0-9*#]{1,40}$")]
    pub number: String,
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub context: String,
    /// The group of agents. Left out: 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole")]
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub numgroup: Option<i64>,
    /// The id of the user who is the agent. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole")]
    pub userid: Option<i64>,
    /// The queues that the agent serves, each once. Left out: none.
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    #[schema(max_items = 1000)]
    pub queues: Vec<MembershipFields>,
}

/// What is said of an agent's place in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembershipFields {
    #[serde(deserialize_with = "numbers::whole_id")]
    pub queue_id: i32,
    /// Agents with a lower one are called first. Left out: 0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole")]
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub penalty: Option<i64>,
    /// The agent's place among those of the queue. Left out: 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole")]
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub position: Option<i64>,
}

/// Asks for all agents.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListAgents {}

/// Asks for one agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetAgent {
    pub id: i32,
}

/// Creates an agent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CreateAgent(pub AgentFields);

/// Replaces an agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReplaceAgent {
    pub id: i32,
    pub fields: AgentFields,
}

/// Deletes an agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteAgent {
    pub id: i32,
}

impl Example for Agent {
    fn example() -> Self {
        Self {
            id: 1,
            firstname: "John".to_owned(),
            lastname: "Doe".to_owned(),
            number: "1001".to_owned(),
            context: "default".to_owned(),
            numgroup: 1,
            userid: Some(1),
            queues: vec![Membership { queue_id: 1, penalty: 1, position: 1 }],
        }
    }
}

impl Example for AgentFields {
    fn example() -> Self {
        let Agent { id: _, firstname, lastname, number, context, numgroup, userid, queues } = Agent::example();
        let given = |Membership { queue_id, penalty, position }| MembershipFields {
            queue_id,
            penalty: Some(i64::from(penalty)),
            position: Some(i64::from(position)),
        };
        Self {
            firstname,
            lastname,
            number,
            context,
            numgroup: Some(i64::from(numgroup)),
            userid: userid.map(i64::from),
            queues: queues.into_iter().map(given).collect(),
        }
    }
}

impl Example for CreateAgent {
    fn example() -> Self {
        Self(AgentFields::example())
    }
}

//! The rules of agents.

use configmgt_contract::{
    Call, Created, Failure, Outcome, Versioned,
    agents::{
        self as contract, AgentFields, AgentRefusal, CreateAgent, DeleteAgent, GetAgent, ListAgents, Membership,
        MembershipFields, ReplaceAgent,
    },
};
use configmgt_runtime::{
    arrivals::{Arrival, Arrivals},
    journal::{Change, Journal},
    journaled, listing,
    sqlstate::{self, broken_constraint},
    text,
};
use futures_util::FutureExt;

use crate::store::{
    agents::{self as store, NewAgent},
    known_users,
};

/// What an agent has for which nothing is said.
const DEFAULT_NUMGROUP: i32 = 1;
const DEFAULT_PENALTY: i32 = 0;
const DEFAULT_POSITION: i32 = 1;

/// The most queues of an agent.
const MAX_QUEUES: usize = 1000;

pub(crate) struct Agents {
    journal: Journal,
    by_id: store::AgentLookup,
    users: Arrivals,
}

impl Agents {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_id = store::lookup(journal.connections());
        let users =
            Arrivals::new(journal.connections().clone(), |connection, id| known_users::exists(connection, id).boxed());
        Self { journal, by_id, users }
    }

    /// Succeeds once the user is known.
    async fn knows(&self, change: &mut Change, user_id: i32) -> Result<(), Failure<AgentRefusal>> {
        match self.users.wait(change, user_id).await? {
            Arrival::Here => Ok(()),
            Arrival::NotHere => Err(unknown_user(i64::from(user_id)).into()),
            Arrival::Busy => Err(AgentRefusal::Busy {}.into()),
        }
    }
}

journaled!(Agents);

impl contract::Agents for Agents {
    async fn list(&self, _: &Call, ListAgents {}: ListAgents) -> Outcome<ListAgents> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(i32::MIN, |row: &store::Row| row.id, move |after| store::above(connections.clone(), after)))
    }

    async fn get(&self, _: &Call, GetAgent { id }: GetAgent) -> Outcome<GetAgent> {
        self.by_id.get(id).await?.ok_or_else(|| AgentRefusal::NotFound { id }.into())
    }

    async fn create(&self, change: &mut Change, CreateAgent(fields): CreateAgent) -> Outcome<CreateAgent> {
        let agent = checked(fields)?;
        if let Some(user_id) = agent.user_id {
            self.knows(change, user_id).await?;
        }
        let created = store::insert(change.connection(), &agent).await;
        let Versioned { version, object } = created.map_err(|error| refused(error, &agent))?;
        Ok(Created { id: object.id.to_string(), version, object })
    }

    async fn replace(&self, change: &mut Change, ReplaceAgent { id, fields }: ReplaceAgent) -> Outcome<ReplaceAgent> {
        let agent = checked(fields)?;
        if let Some(user_id) = agent.user_id {
            self.knows(change, user_id).await?;
        }
        let updated = store::update(change.connection(), id, &agent).await;
        updated.map_err(|error| refused(error, &agent))?.ok_or_else(|| AgentRefusal::NotFound { id }.into())
    }

    async fn delete(&self, change: &mut Change, DeleteAgent { id }: DeleteAgent) -> Outcome<DeleteAgent> {
        if store::delete(change.connection(), id).await? { Ok(()) } else { Err(AgentRefusal::NotFound { id }.into()) }
    }
}

/// The agent with its defaults, if it can be one.
fn checked(fields: AgentFields) -> Result<NewAgent, AgentRefusal> {
    let bad_value = |reason| AgentRefusal::BadValue { reason };
    let AgentFields { firstname, lastname, number, context, numgroup, userid, queues } = fields;
    text::check("firstname", &firstname, text::MAX).map_err(bad_value)?;
    let lastname = Some(lastname).filter(|text| !text.trim().is_empty()).unwrap_or_default();
    if !lastname.is_empty() {
        text::check("lastname", &lastname, text::MAX).map_err(bad_value)?;
    }
    text::dialled(&number).map_err(|reason| bad_value(format!("number {reason}")))?;
    text::check("context", &context, text::MAX).map_err(bad_value)?;
    let numgroup = number_of("numgroup", numgroup, 1, DEFAULT_NUMGROUP)?;
    let user_id = userid.map(possible_user).transpose()?;
    if queues.len() > MAX_QUEUES {
        return Err(bad_value(format!("queues has more than {MAX_QUEUES} items")));
    }
    let mut memberships: Vec<Membership> = Vec::with_capacity(queues.len());
    for MembershipFields { queue_id, penalty, position } in queues {
        if memberships.iter().any(|membership| membership.queue_id == queue_id) {
            return Err(bad_value(format!("queues has queue {queue_id} twice")));
        }
        let penalty = number_of("penalty", penalty, 0, DEFAULT_PENALTY)?;
        let position = number_of("position", position, 0, DEFAULT_POSITION)?;
        memberships.push(Membership { queue_id, penalty, position });
    }
    Ok(NewAgent { firstname, lastname, number, context, numgroup, user_id, queues: memberships })
}

/// The number given, or the default.
fn number_of(field: &str, given: Option<i64>, least: i32, default: i32) -> Result<i32, AgentRefusal> {
    let Some(given) = given else { return Ok(default) };
    let reason = || format!("{field} is no whole number from {least} to {}", i32::MAX);
    let number = i32::try_from(given).ok().filter(|number| *number >= least);
    number.ok_or_else(|| AgentRefusal::BadValue { reason: reason() })
}

/// The id as it is kept, if a user can have it.
fn possible_user(id: i64) -> Result<i32, AgentRefusal> {
    i32::try_from(id).ok().filter(|id| *id > 0).ok_or_else(|| unknown_user(id))
}

const fn unknown_user(user_id: i64) -> AgentRefusal {
    AgentRefusal::UnknownUser { user_id }
}

/// Says what stands in the way of an agent.
fn refused(error: sqlx::Error, agent: &NewAgent) -> Failure<AgentRefusal> {
    let refusal = match (broken_constraint(&error), agent.user_id) {
        (Some(constraint @ "agent_number_key"), _) => AgentRefusal::Duplicate { constraint: constraint.to_owned() },
        (Some("agent_queues"), _) => AgentRefusal::UnknownQueue { reason: sqlstate::message(&error) },
        // The user was deleted meanwhile.
        (Some("agent_user"), Some(user_id)) => unknown_user(i64::from(user_id)),
        _ => return error.into(),
    };
    refusal.into()
}

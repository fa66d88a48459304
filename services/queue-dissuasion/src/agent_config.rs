//! What XiVO's assistants read of agents.

use configmgt_contract::{
    Call, Outcome,
    agent_config::{self as contract, AgentConfigRefusal, GetAgentConfig, ListAgentConfigs},
};
use configmgt_runtime::{journal::Journal, journaled, listing};

use crate::store::agent_config as store;

pub(crate) struct AgentConfigs {
    journal: Journal,
    by_id: store::AgentConfigLookup,
}

impl AgentConfigs {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_id = store::lookup(journal.connections());
        Self { journal, by_id }
    }
}

journaled!(AgentConfigs);

impl contract::AgentConfigs for AgentConfigs {
    async fn list(&self, _: &Call, ListAgentConfigs {}: ListAgentConfigs) -> Outcome<ListAgentConfigs> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(i32::MIN, |row: &store::Row| row.id, move |after| store::above(connections.clone(), after)))
    }

    async fn get(&self, _: &Call, GetAgentConfig { id }: GetAgentConfig) -> Outcome<GetAgentConfig> {
        self.by_id.get(id).await?.ok_or_else(|| AgentConfigRefusal::NotFound { id }.into())
    }
}

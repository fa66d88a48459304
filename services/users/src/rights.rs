//! The rules of profiles and their rights.

use std::collections::HashSet;

use configmgt_contract::{
    Call, Outcome,
    rights::{self, DeleteRight, GetRight, ListProfiles, Profile, Right, RightData, RightRefusal, SetRight},
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing,
};

use crate::store::rights as store;

/// The most queues, groups or incalls that one right may name.
const MAX_IDS: usize = 1000;

pub(crate) struct Rights {
    journal: Journal,
}

impl Rights {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Rights);

impl rights::Rights for Rights {
    async fn list(&self, _: &Call, ListProfiles {}: ListProfiles) -> Outcome<ListProfiles> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(
            i32::MIN,
            |row: &store::ProfileRow| row.id,
            move |after| store::profiles_above(connections.clone(), after),
        ))
    }

    async fn get(&self, _: &Call, GetRight { login }: GetRight) -> Outcome<GetRight> {
        let user = store::get(self.journal.connections(), &login).await?;
        let Some(right) = user else { return Err(RightRefusal::UserNotFound { login }.into()) };
        right.ok_or_else(|| RightRefusal::NoProfile { login }.into())
    }

    async fn set(&self, change: &mut Change, SetRight { login, right }: SetRight) -> Outcome<SetRight> {
        let right = complete(right)?;
        let stored = store::set(change.connection(), &login, &right).await?;
        stored.ok_or_else(|| RightRefusal::UserNotFound { login }.into())
    }

    async fn delete(&self, change: &mut Change, DeleteRight { login }: DeleteRight) -> Outcome<DeleteRight> {
        let connection = change.connection();
        if store::delete(connection, &login).await? {
            return Ok(());
        }
        if store::user_exists(connection, &login).await? {
            Err(RightRefusal::NoProfile { login }.into())
        } else {
            Err(RightRefusal::UserNotFound { login }.into())
        }
    }
}

/// The right with all that its profile knows, and with nothing else: clients send what another profile would have, too.
fn complete(Right { profile, data }: Right) -> Result<Right, RightRefusal> {
    let RightData { queue_ids, group_ids, incall_ids, recording_access, dissuasion_access, start, end } = data;
    if profile == Profile::Teacher
        && let (Some(start), Some(end)) = (&start, &end)
        && start > end
    {
        return Err(bad("start lies after end".to_owned()));
    }
    let ids = |field, ids: Option<_>| ids_of(field, ids.unwrap_or_default());
    let data = match profile {
        Profile::Admin => RightData::default(),
        Profile::Supervisor => RightData {
            queue_ids: Some(ids("queueIds", queue_ids)?),
            group_ids: Some(ids("groupIds", group_ids)?),
            incall_ids: Some(ids("incallIds", incall_ids)?),
            recording_access: Some(recording_access.unwrap_or(true)),
            dissuasion_access: Some(dissuasion_access.unwrap_or(false)),
            ..RightData::default()
        },
        Profile::Teacher => RightData {
            queue_ids: Some(ids("queueIds", queue_ids)?),
            group_ids: Some(ids("groupIds", group_ids)?),
            incall_ids: Some(ids("incallIds", incall_ids)?),
            start,
            end,
            ..RightData::default()
        },
    };
    Ok(Right { profile, data })
}

/// The ids in their order, each once.
fn ids_of(field: &str, mut ids: Vec<i32>) -> Result<Vec<i32>, RightRefusal> {
    if let Some(id) = ids.iter().find(|id| **id < 1) {
        return Err(bad(format!("{field}: {id} is no possible id")));
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    if ids.len() > MAX_IDS {
        return Err(bad(format!("{field} has more than {MAX_IDS} ids")));
    }
    Ok(ids)
}

fn bad(reason: String) -> RightRefusal {
    RightRefusal::BadValue { reason }
}

//! The rules of the ICE servers.

use configmgt_contract::{
    Call, Outcome,
    ice_servers::{self, GetIceServers, SetIceServers, StunAddress},
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled,
    service::Initial,
};
use futures_util::{FutureExt, TryFutureExt};

use crate::store::ice_servers as store;

/// The address that holds until a client sets another.
pub(crate) const INITIAL: Initial = Initial {
    setting: "STUN_ADDRESS",
    check: |value| value.parse::<StunAddress>().map(|_| ()).map_err(|error| error.to_string()),
    store: |connection, value| store::insert(connection, Some(value)).map_ok(|_| ()).boxed(),
};

pub(crate) struct IceServers {
    journal: Journal,
}

impl IceServers {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(IceServers);

impl ice_servers::IceServers for IceServers {
    async fn get(&self, _: &Call, GetIceServers {}: GetIceServers) -> Outcome<GetIceServers> {
        Ok(store::get(self.journal.connections()).await?)
    }

    async fn set(&self, change: &mut Change, SetIceServers(configuration): SetIceServers) -> Outcome<SetIceServers> {
        Ok(store::set(change.connection(), configuration).await?)
    }
}

//! The rules of users as others look them up.

use configmgt_contract::{
    Call, Outcome,
    directory::{self as contract, DirectoryRefusal, FindUsers, ListContacts, ListUsers},
};
use configmgt_runtime::{journal::Journal, journaled, listing};

use crate::store::directory as store;

pub(crate) struct Directory {
    journal: Journal,
}

impl Directory {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Directory);

impl contract::Directory for Directory {
    async fn list(&self, _: &Call, ListUsers {}: ListUsers) -> Outcome<ListUsers> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(
            i32::MIN,
            |user: &store::UserRow| user.id,
            move |after| store::users_above(connections.clone(), after),
        ))
    }

    async fn find(&self, _: &Call, FindUsers(find): FindUsers) -> Outcome<FindUsers> {
        let found = store::find(self.journal.connections(), &find).await;
        found.map_err(|error| error.refused(|reason| DirectoryRefusal::BadFilter { reason }))
    }

    async fn contacts(&self, _: &Call, ListContacts {}: ListContacts) -> Outcome<ListContacts> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(
            i32::MIN,
            |contact: &store::ContactRow| contact.id,
            move |after| store::contacts_above(connections.clone(), after),
        ))
    }
}

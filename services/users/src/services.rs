//! The rules of users' services.

use configmgt_contract::{
    Call, Failure, Outcome, Versioned,
    services::{self, ForwardUpdate, GetServices, ServicesRefusal, ServicesUpdate, UpdateServices},
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled,
    text::{MAX_DIALLED, is_dialled},
};

use crate::store::{broken_constraint, services as store};

pub(crate) struct UserServices {
    journal: Journal,
    by_user: store::ServicesLookup,
}

impl UserServices {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_user = store::lookup(journal.connections());
        Self { journal, by_user }
    }
}

journaled!(UserServices);

impl services::UserServices for UserServices {
    async fn get(&self, _: &Call, GetServices { user_id }: GetServices) -> Outcome<GetServices> {
        self.by_user.get(user_id).await?.ok_or_else(|| not_found(user_id))
    }

    async fn update(
        &self,
        change: &mut Change,
        UpdateServices { user_id, services }: UpdateServices,
    ) -> Outcome<UpdateServices> {
        check(&services)?;
        let version = store::update(change.connection(), user_id, &services).await;
        let version = version.map_err(no_destination)?.ok_or_else(|| not_found(user_id))?;
        Ok(Versioned { version, object: services })
    }
}

fn check(services: &ServicesUpdate) -> Result<(), ServicesRefusal> {
    let ServicesUpdate { dnd_enabled: _, busy, noanswer, unconditional } = services;
    for (forward, update) in [("busy", busy), ("noanswer", noanswer), ("unconditional", unconditional)] {
        let Some(ForwardUpdate { destination: Some(destination), .. }) = update else { continue };
        if !destination.is_empty() && !is_dialled(destination.strip_prefix('+').unwrap_or(destination)) {
            let reason = format!(
                "the destination of {forward} is not 1 to {MAX_DIALLED} of the digits, * and #, maybe behind a +"
            );
            return Err(ServicesRefusal::BadValue { reason });
        }
    }
    Ok(())
}

fn not_found(id: i32) -> Failure<ServicesRefusal> {
    ServicesRefusal::UserNotFound { id }.into()
}

/// Names the forward that the change would have enabled without a destination.
fn no_destination(error: sqlx::Error) -> Failure<ServicesRefusal> {
    let forward = match broken_constraint(&error) {
        Some("services_busy_destination") => "busy",
        Some("services_noanswer_destination") => "noanswer",
        Some("services_unconditional_destination") => "unconditional",
        _ => return error.into(),
    };
    ServicesRefusal::NoDestination { forward }.into()
}

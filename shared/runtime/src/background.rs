//! What a service does beside answering: it publishes its changes, forgets what is old and follows other services.

use std::{cell::LazyCell, time::Duration};

use configmgt_bus::{Caller, Patience};
use configmgt_process::settings;
use sqlx::postgres::PgConnectOptions;
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tracing::warn;

use crate::{
    follow::Follows,
    journal::Journal,
    prune::{self, Keep},
    relay::{self, Relay},
    service::Description,
};

/// How long a stop waits for the last events to be published.
const RELAY_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Background {
    relay: JoinHandle<()>,
    stop_relay: watch::Sender<bool>,
    pruning: JoinHandle<()>,
    followers: Vec<JoinHandle<()>>,
    stop_following: watch::Sender<bool>,
}

impl Background {
    pub(crate) fn start(description: &Description, journal: &Journal, database: PgConnectOptions, keep: Keep) -> Self {
        let Description { name, process, objects, follows, .. } = *description;
        let (stop_relay, stopping) = watch::channel(false);
        let relay = Relay {
            service: name,
            process,
            nats_url: settings::nats_url(name),
            database,
            objects,
            keep: keep.journal,
            written: journal.written(),
        };
        let (stop_following, following) = watch::channel(false);
        // They share a connection, where there are any.
        let caller = LazyCell::new(|| {
            Caller::start(&settings::nats_url(name), process, &format!("_INBOX.{name}"), Patience::default())
        });
        let follow = |follows: &'static Follows| {
            tokio::spawn(follows.run(name, (*caller).clone(), journal.clone(), following.clone()))
        };
        Self {
            relay: tokio::spawn(relay::run(relay, stopping)),
            stop_relay,
            pruning: tokio::spawn(prune::run(journal.connections().clone(), keep)),
            followers: follows.iter().map(follow).collect(),
            stop_following,
        }
    }

    /// Once nothing is asked any more. What followers still write is published, too.
    pub(crate) async fn stop(self) {
        self.stop_following.send_replace(true);
        for follower in self.followers {
            // One that panicked has stopped, too.
            let _ = follower.await;
        }
        self.pruning.abort();
        // Only now nothing is written any more.
        self.stop_relay.send_replace(true);
        if timeout(RELAY_PATIENCE, self.relay).await.is_err() {
            warn!("stopping with events unpublished; another instance or the next start publishes them");
        }
    }
}

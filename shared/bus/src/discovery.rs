use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::timeout;

use crate::Connection;

/// An instance of a service, as it answered a ping.
#[derive(Debug, Clone, Deserialize)]
pub struct Instance {
    pub id: String,
    pub version: String,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("cannot listen for answers")]
    Subscribe(#[from] async_nats::SubscribeError),
    #[error("cannot ask")]
    Publish(#[from] async_nats::client::PublishError),
}

impl Connection {
    /// Asks all instances of `service` and gives the first one that is `wanted`, if one answers within `patience`.
    pub async fn find_instance(
        &self,
        service: &str,
        patience: Duration,
        wanted: impl Fn(&Instance) -> bool,
    ) -> Result<Option<Instance>, DiscoveryError> {
        let client = self.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await?;
        client.publish_with_reply(format!("$SRV.PING.{service}"), inbox, Bytes::new()).await?;
        let search = async {
            while let Some(answer) = answers.next().await {
                match serde_json::from_slice::<Instance>(&answer.payload) {
                    Ok(instance) if wanted(&instance) => return Some(instance),
                    // Another instance, or the server's word that nobody listens.
                    _ => {}
                }
            }
            None
        };
        Ok(timeout(patience, search).await.ok().flatten())
    }
}

//! The rules and the SQL of the queue-dissuasion service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agent_config;
mod agents;
mod dissuasions;
mod journal;
mod lint;
mod queues;
mod sounds_folder;

use std::ops::Deref;

use configmgt_contract::{changes::ListChanges, queues::CreateQueue};
use configmgt_queue_dissuasion::{SERVICE, Settings, with_settings};
use configmgt_testing::{Database, Tested, bad_request, duplicate, fault};
use serde_json::{Value, json};

use sounds_folder::SoundsFolder;

struct Service(Tested);

impl Deref for Service {
    type Target = Tested;

    fn deref(&self) -> &Tested {
        &self.0
    }
}

impl Service {
    async fn start() -> Self {
        Self::with_settings(Settings { sounds_dir: SoundsFolder::missing().path().to_owned(), default_queue: None })
            .await
    }

    async fn with_settings(settings: Settings) -> Self {
        let operations = |handlers, journal| with_settings(handlers, journal, settings);
        Self(Tested::with(Database::create().await.unwrap(), &SERVICE, operations).await)
    }

    /// With queues of these names, by their ids from 1 on.
    async fn with_queues(names: &[&str]) -> Self {
        Self::start().await.having_queues(names).await
    }

    /// The same with these sound files and this default queue.
    async fn with_sounds(folder: &SoundsFolder, default_queue: Option<&str>, names: &[&str]) -> Self {
        let (sounds_dir, default_queue) = (folder.path().to_owned(), default_queue.map(str::to_owned));
        Self::with_settings(Settings { sounds_dir, default_queue }).await.having_queues(names).await
    }

    async fn having_queues(self, names: &[&str]) -> Self {
        for name in names {
            self.ask::<CreateQueue>(json!({"name": name})).await.unwrap();
        }
        self
    }

    /// The changes of all objects of this type, the oldest first: what was done, and what became of the object.
    async fn changes_of(&self, object_type: &str) -> Vec<(String, Value)> {
        let request = json!({"objectType": object_type, "offset": 0, "limit": 1000});
        let changes = self.ask::<ListChanges>(request).await.unwrap();
        let changes = changes["list"].as_array().unwrap().iter().rev();
        let told = |change: &Value| {
            let [id, action] = ["objectId", "action"].map(|name| change[name].as_str().unwrap());
            (format!("{object_type} {id} {action}"), change["after"].clone())
        };
        changes.map(told).collect()
    }
}

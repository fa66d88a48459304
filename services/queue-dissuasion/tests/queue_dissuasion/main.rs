//! The rules and the SQL of the queue-dissuasion service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod agent_config;
mod agents;
mod dissuasions;
mod journal;
mod lint;
mod queues;
mod sounds_folder;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use configmgt_bus::{Handlers, Local, Request, Transport};
use configmgt_contract::{
    Answer, Call, Expected, Fault, Operation, OperationDoc, Status, Whole, changes::ListChanges, queues::CreateQueue,
};
use configmgt_queue_dissuasion::{SERVICE, Settings, with_settings};
use configmgt_runtime::{connections::Connections, journal::Journal};
use configmgt_stack::databases::Database;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use sounds_folder::SoundsFolder;

/// The service without a bus, and the database as its owner.
struct Service {
    local: Local,
    handlers: Arc<Handlers>,
    owner: PgPool,
}

impl Service {
    async fn start() -> Self {
        Self::with_settings(Settings { sounds_dir: SoundsFolder::missing().path().to_owned(), default_queue: None })
            .await
    }

    async fn with_settings(settings: Settings) -> Self {
        let database = Database::create().await.unwrap();
        let journal = Journal::new(Connections::new(database.of_service("queue-dissuasion")));
        let handlers = Arc::new(with_settings(SERVICE.common(&journal), journal, settings));
        let local = Local::default().with(Arc::clone(&handlers));
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        Self { local, handlers, owner }
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

    /// Sends what the edge would make of `request`; an answer without a body is null.
    async fn ask<O: Operation>(&self, request: Value) -> Result<Value, Fault> {
        self.ask_of::<O>(O::DOC, request).await
    }

    /// The same of an operation that every service has.
    async fn ask_of<O: Operation>(&self, doc: OperationDoc, request: Value) -> Result<Value, Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        let request = Request { operation: doc, ..Request::new(&operation, call()).unwrap() };
        let body = match self.local.call(request).await? {
            Answer::Whole(Whole { body, .. }) => body.to_vec(),
            Answer::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat(),
        };
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    /// The same on an object that must be as expected, and with the version that is answered.
    async fn versioned<O: Operation>(
        &self,
        request: Value,
        expected: Option<Expected>,
    ) -> Result<(Option<i64>, Value), Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        let call = Call { expected, ..call() };
        let Answer::Whole(Whole { body, version, .. }) =
            self.local.call(Request::new(&operation, call).unwrap()).await?
        else {
            panic!("it came in pieces");
        };
        Ok((version, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() }))
    }

    /// The changes of all objects of this type, the oldest first: what was done, and what became of the object.
    async fn changes_of(&self, object_type: &str) -> Vec<(String, Value)> {
        let request = json!({"objectType": object_type, "offset": 0, "limit": 1000});
        let changes = self.ask_of::<ListChanges>(ListChanges::DOC.of("queue-dissuasion"), request).await.unwrap();
        let changes = changes["list"].as_array().unwrap().iter().rev();
        let told = |change: &Value| {
            let [id, action] = ["objectId", "action"].map(|name| change[name].as_str().unwrap());
            (format!("{object_type} {id} {action}"), change["after"].clone())
        };
        changes.map(told).collect()
    }

    /// Runs a statement as the owner of the schema.
    async fn run(&self, statement: &str) {
        let statement = format!("SET search_path TO queue_dissuasion; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.owner).await.unwrap();
    }
}

fn call() -> Call {
    Call {
        request_id: "r".to_owned(),
        actor: "somebody".to_owned(),
        idempotency_key: None,
        expected: None,
        traceparent: None,
        deadline: Instant::now() + Duration::from_secs(30),
    }
}

fn fault(status: Status, code: &str, message: &str) -> Fault {
    Fault::coded(status, code, message)
}

fn bad_request(message: &str) -> Fault {
    fault(Status::Invalid, "BadRequest", message)
}

fn duplicate(constraint: &str) -> Fault {
    let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
    fault(Status::Conflict, "Duplicate", &message)
}

//! The rules and the SQL of the callbacks service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod callback_import;
mod callback_lists;
mod callback_requests;
mod callback_tickets;
mod expiry;
mod journal;
mod lint;
mod model;
mod periods;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use configmgt_bus::{Handlers, Local, Request, Transport};
use configmgt_contract::{
    Answer, Call, Expected, Fault, IdempotencyKey, Operation, OperationDoc, Status, Whole,
    callback_lists::{CreateCallbackList, ListCallbackLists},
    callback_requests::{CreateCallbackRequest, FindCallbackRequests, GetCallbackRequest},
    periods::{CreatePeriod, ListPeriods},
};
use configmgt_runtime::{connections::Connections, journal::Journal};
use configmgt_stack::databases::Database;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

const NOBODY: &str = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c00";

/// The service without a bus, and the database as its owner. There are the queues 1 to 3.
struct Service {
    local: Local,
    handlers: Arc<Handlers>,
    owner: PgPool,
    _database: Database,
}

impl Service {
    async fn start() -> Self {
        let database = Database::create().await.unwrap();
        let journal = Journal::new(Connections::new(database.of_service("callbacks")));
        let handlers = Arc::new(configmgt_callbacks::SERVICE.handlers(&journal).unwrap());
        let local = Local::default().with(Arc::clone(&handlers));
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        let service = Self { local, handlers, owner, _database: database };
        service.run("INSERT INTO known_queue SELECT generate_series(1, 3)").await;
        service
    }

    /// Sends what the edge would make of `request`; an answer without a body is null.
    async fn ask<O: Operation>(&self, request: Value) -> Result<Value, Fault> {
        self.ask_of::<O>(O::DOC, request).await
    }

    /// The same of an operation that several services have.
    async fn ask_of<O: Operation>(&self, doc: OperationDoc, request: Value) -> Result<Value, Fault> {
        let body = self.bytes_of::<O>(doc, request).await?;
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    /// The bytes of the answer.
    async fn bytes_of<O: Operation>(&self, doc: OperationDoc, request: Value) -> Result<Vec<u8>, Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        let request = Request { operation: doc, ..Request::new(&operation, call()).unwrap() };
        Ok(match self.local.call(request).await? {
            Answer::Whole(Whole { body, .. }) => body.to_vec(),
            Answer::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat(),
        })
    }

    /// The answer with its version, to a call of a certain kind.
    async fn versioned<O: Operation>(&self, request: Value, call: Call) -> Result<(Option<i64>, Value), Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        match self.local.call(Request::new(&operation, call).unwrap()).await? {
            Answer::Whole(Whole { body, version, .. }) => Ok((version, serde_json::from_slice(&body).unwrap())),
            Answer::Pieces(_) => panic!("it came in pieces"),
        }
    }

    /// Runs a statement as the owner of the schema.
    async fn run(&self, statement: &str) {
        let statement = format!("SET search_path TO callbacks; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.owner).await.unwrap();
    }

    /// Creates a list of a queue, and gives its uuid.
    async fn list(&self, name: &str, queue: i32) -> String {
        let list = self.ask::<CreateCallbackList>(json!({"name": name, "queueId": queue})).await.unwrap();
        text(&list, "uuid")
    }

    async fn lists(&self, with_request: bool) -> Value {
        self.ask::<ListCallbackLists>(json!({"with_request": with_request})).await.unwrap()
    }

    async fn create(&self, list: &str, request: Value) -> Result<Value, Fault> {
        self.ask::<CreateCallbackRequest>(json!({"list_uuid": list, "request": request})).await
    }

    /// Creates a request for a number, and gives its uuid.
    async fn request(&self, list: &str, number: &str) -> String {
        text(&self.create(list, json!({"phoneNumber": number})).await.unwrap(), "uuid")
    }

    async fn get(&self, uuid: &str) -> Result<Value, Fault> {
        self.ask::<GetCallbackRequest>(json!({"uuid": uuid})).await
    }

    async fn find(&self, filters: Value) -> Result<Value, Fault> {
        self.ask::<FindCallbackRequests>(json!({"filters": filters})).await
    }

    /// Creates a period, and gives its uuid.
    async fn period(&self, name: &str, default: bool) -> String {
        let period = json!({"name": name, "periodStart": "14:00", "periodEnd": "17:00", "default": default});
        text(&self.ask::<CreatePeriod>(period).await.unwrap(), "uuid")
    }

    /// The period that is the default.
    async fn default_period(&self) -> Value {
        let periods = self.ask::<ListPeriods>(json!({})).await.unwrap();
        let defaults: Vec<_> =
            periods.as_array().unwrap().iter().filter(|period| period["default"] == true).cloned().collect();
        assert_eq!(defaults.len(), 1, "{periods}");
        defaults[0].clone()
    }

    /// Tomorrow in UTC, as the database knows it.
    async fn tomorrow(&self) -> String {
        sqlx::query_scalar("SELECT to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYY-MM-DD')")
            .fetch_one(&self.owner)
            .await
            .unwrap()
    }

    /// The changes so far: object type and action.
    async fn changes(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT concat_ws(' ', object_type, action) FROM callbacks.journal ORDER BY id")
            .fetch_all(&self.owner)
            .await
            .unwrap()
    }
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

fn call() -> Call {
    Call {
        request_id: "r".to_owned(),
        actor: "somebody".to_owned(),
        idempotency_key: None,
        expected: None,
        traceparent: None,
        deadline: Instant::now() + Duration::from_mins(1),
    }
}

fn keyed(key: &str) -> Call {
    Call { idempotency_key: Some(IdempotencyKey::Client(key.to_owned())), ..call() }
}

fn expecting(version: i64) -> Call {
    Call { expected: Some(Expected::OneOf(vec![version])), ..call() }
}

fn fault(status: Status, code: &str, message: &str) -> Fault {
    Fault::coded(status, code, message)
}

fn bad_request(message: &str) -> Fault {
    fault(Status::Invalid, "BadRequest", message)
}

fn conflict(message: &str) -> Fault {
    fault(Status::Conflict, "Conflict", message)
}

fn not_found(message: &str) -> Fault {
    fault(Status::NotFound, "NotFoundError", message)
}

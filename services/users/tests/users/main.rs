//! The rules and the SQL of the users service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod belongings;
mod catalogues;
mod directory;
mod ice_servers;
mod journal;
mod lines;
mod lint;
mod model;
mod password;
mod preferences;
mod rights;
mod services;
mod user_import;
mod users;
mod validation;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use configmgt_bus::{Handlers, Local, Request, Transport};
use configmgt_contract::{
    Answer, Call, Expected, Fault, IdempotencyKey, Operation, OperationDoc, Status, Whole,
    catalogues::{CreateContext, CreateEntity, CreateLabel, CreateMediaserver},
    users::CreateUser,
};
use configmgt_runtime::{connections::Connections, journal::Journal};
use configmgt_stack::databases::Database;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// The service without a bus, and the database as its owner.
struct Service {
    local: Local,
    database: Database,
    handlers: Arc<Handlers>,
    owner: PgPool,
}

impl Service {
    async fn start() -> Self {
        Self::on(Database::create().await.unwrap()).await
    }

    async fn on(database: Database) -> Self {
        let journal = Journal::new(Connections::new(database.of_service("users")));
        let handlers = Arc::new(configmgt_users::SERVICE.handlers(&journal).unwrap());
        let local = Local::default().with(Arc::clone(&handlers));
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        Self { local, database, handlers, owner }
    }

    /// With so many users, by their ids from 1 on. The login of user 7 is `user7`.
    async fn with_users(count: i32) -> Self {
        let service = Self::start().await;
        let users = "INSERT INTO users (firstname, lastname, login)
                     SELECT 'First' || i, 'Last' || i, 'user' || i FROM generate_series(1, {count}) i";
        service.run(&users.replace("{count}", &count.to_string())).await;
        service
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

    /// The same with what travels beside the body, both ways.
    async fn exchange<O: Operation>(&self, request: Value, call: Call) -> Result<Whole, Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        match self.local.call(Request::new(&operation, call).unwrap()).await? {
            Answer::Whole(whole) => Ok(whole),
            Answer::Pieces(_) => panic!("it came in pieces"),
        }
    }

    /// The same on an object that must be as expected, and with the version that is answered.
    async fn versioned<O: Operation>(
        &self,
        request: Value,
        expected: Option<Expected>,
    ) -> Result<(Option<i64>, Value), Fault> {
        let Whole { body, version, .. } = self.exchange::<O>(request, Call { expected, ..call() }).await?;
        Ok((version, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() }))
    }

    async fn create(&self, user: Value) -> Result<Value, Fault> {
        self.ask::<CreateUser>(user).await
    }

    /// What users and lines of the tests name.
    async fn with_catalogues(self) -> Self {
        for label in ["blue", "green", "red"] {
            self.ask::<CreateLabel>(json!({"name": label})).await.unwrap();
        }
        self.ask::<CreateEntity>(json!({"name": "test", "displayName": "Test"})).await.unwrap();
        self.ask::<CreateMediaserver>(json!({"name": "mds1", "displayName": "MDS 1"})).await.unwrap();
        self.ask::<CreateContext>(json!({"name": "internal", "displayName": "Internal"})).await.unwrap();
        self
    }

    /// Runs a statement as the owner of the schema.
    async fn run(&self, statement: &str) {
        let statement = format!("SET search_path TO users; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.owner).await.unwrap();
    }

    /// Gives a user a SIP line.
    async fn give_line(&self, user: i32, extension: &str) {
        self.run(&format!(
            "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num, provisioning_id)
             VALUES ({user}, 'phone', 'internal', '{extension}', 'mds1', 'sip{user}', 1, 111110 + {user})"
        ))
        .await;
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

fn user_not_found(id: i32) -> Fault {
    fault(Status::NotFound, "UserNotFound", &format!("User {id} not found"))
}

fn duplicate(constraint: &str) -> Fault {
    let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
    fault(Status::Conflict, "Duplicate", &message)
}

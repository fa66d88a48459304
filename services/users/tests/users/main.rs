//! The rules and the SQL of the users service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod password;
mod validation;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use configmgt_bus::{Local, Request, Transport};
use configmgt_contract::{Answer, Call, Fault, Operation, Status};
use configmgt_runtime::{connections::Connections, journal::Journal};
use configmgt_stack::databases::Database;
use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::PgPool;

/// The service without a bus, and the database as its owner.
struct Service {
    local: Local,
    database: Database,
    owner: PgPool,
}

impl Service {
    async fn start() -> Self {
        Self::on(Database::create().await.unwrap()).await
    }

    async fn on(database: Database) -> Self {
        let journal = Journal::new(Connections::new(database.of_service("users")));
        let local = Local::default().with(Arc::new(configmgt_users::SERVICE.handlers(&journal)));
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        Self { local, database, owner }
    }

    /// Sends what the edge would make of `request`; an answer without a body is null.
    async fn ask<O: Operation>(&self, request: Value) -> Result<Value, Fault> {
        let operation: O = serde_json::from_value(request).unwrap();
        let call = Call {
            request_id: "r".to_owned(),
            actor: "somebody".to_owned(),
            idempotency_key: None,
            expected: None,
            traceparent: None,
            deadline: Instant::now() + Duration::from_secs(30),
        };
        let body = match self.local.call(Request::new(&operation, call).unwrap()).await? {
            Answer::Whole { body, .. } => body.to_vec(),
            Answer::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat(),
        };
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }
}

fn fault(status: Status, code: &str, message: &str) -> Fault {
    Fault { status, code: code.to_owned(), message: message.to_owned() }
}

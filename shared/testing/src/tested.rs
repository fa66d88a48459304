use std::sync::Arc;

use configmgt_bus::{Handlers, Local, Request, Transport};
use configmgt_contract::{Answer, Call, Expected, Fault, Operation, Whole};
use configmgt_runtime::{connections::Connections, journal::Journal, service::Description};
use configmgt_stack::databases::Database;
use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

use crate::call;

/// A service without a bus, and its database as the owner.
pub struct Tested {
    pub database: Database,
    pub owner: PgPool,
    pub handlers: Arc<Handlers>,
    pub(crate) local: Local,
}

impl Tested {
    /// The service over a fresh database.
    pub async fn start(service: &Description) -> Self {
        Self::on(Database::create().await.unwrap(), service).await
    }

    pub async fn on(database: Database, service: &Description) -> Self {
        Self::with(database, service, |handlers, journal| (service.handlers)(handlers, journal).unwrap()).await
    }

    /// With these operations beside those that every service has.
    pub async fn with(
        database: Database,
        service: &Description,
        operations: impl FnOnce(Handlers, Journal) -> Handlers,
    ) -> Self {
        let journal = Journal::new(Connections::new(database.of_service(service.name)));
        let handlers = Arc::new(operations(service.common(&journal), journal));
        let local = Local::default().with(Arc::clone(&handlers));
        let owner = PgPool::connect_with(database.owner.clone()).await.unwrap();
        Self { database, owner, handlers, local }
    }

    /// Sends what the edge would make of `request`; an answer without a body is null.
    pub async fn ask<O: Operation>(&self, request: Value) -> Result<Value, Fault> {
        self.bytes::<O>(request).await.map(|body| value(&body))
    }

    /// The same, for an answer that is no JSON.
    pub async fn bytes<O: Operation>(&self, request: Value) -> Result<Vec<u8>, Fault> {
        Ok(match self.local.call(self.request::<O>(request, call())).await? {
            Answer::Whole(Whole { body, .. }) => body.to_vec(),
            Answer::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat(),
        })
    }

    /// The same with what travels beside the body, both ways.
    pub async fn exchange<O: Operation>(&self, request: Value, call: Call) -> Result<Whole, Fault> {
        self.local.call(self.request::<O>(request, call)).await.map(whole)
    }

    /// The same on an object that must be as expected, and with the version that is answered.
    pub async fn versioned<O: Operation>(
        &self,
        request: Value,
        expected: Option<Expected>,
    ) -> Result<(Option<i64>, Value), Fault> {
        let Whole { body, version, .. } = self.exchange::<O>(request, Call { expected, ..call() }).await?;
        Ok((version, value(&body)))
    }

    /// Runs statements as the owner of the service's schema.
    pub async fn run(&self, statements: &str) {
        let statements = format!("SET search_path TO {}; {statements}", self.schema());
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.owner).await.unwrap();
    }

    /// The changes so far: type and id of the object, and what was done. A UUID, which no test can foretell, is left out.
    pub async fn changes(&self) -> Vec<String> {
        let changes = format!(
            "SELECT concat_ws(' ', object_type, CASE WHEN length(object_id) < 36 THEN object_id END, action)
             FROM {}.journal ORDER BY id",
            self.schema()
        );
        sqlx::query_scalar(AssertSqlSafe(changes)).fetch_all(&self.owner).await.unwrap()
    }

    /// The id of the latest change's event.
    pub async fn latest_event(&self) -> String {
        let latest = format!("SELECT event_id::text FROM {}.journal ORDER BY id DESC LIMIT 1", self.schema());
        sqlx::query_scalar(AssertSqlSafe(latest)).fetch_one(&self.owner).await.unwrap()
    }

    fn schema(&self) -> String {
        self.handlers.service().replace('-', "_")
    }

    pub(crate) fn request<O: Operation>(&self, request: Value, call: Call) -> Request {
        let operation: O = serde_json::from_value(request).unwrap();
        let request = Request::new(&operation, call).unwrap();
        // Some operations every service has.
        Request { operation: O::DOC.of(self.handlers.service()), ..request }
    }
}

pub(crate) fn whole(answer: Answer) -> Whole {
    match answer {
        Answer::Whole(whole) => whole,
        Answer::Pieces(_) => panic!("it came in pieces"),
    }
}

pub(crate) fn value(body: &[u8]) -> Value {
    if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() }
}

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

use std::ops::Deref;

use configmgt_callbacks::SERVICE;
use configmgt_contract::{
    Fault, Status,
    callback_lists::{CreateCallbackList, ListCallbackLists},
    callback_requests::{CreateCallbackRequest, FindCallbackRequests, GetCallbackRequest},
    periods::{CreatePeriod, ListPeriods},
};
use configmgt_testing::{Tested, bad_csv, bad_request, call, content, fault, keyed};
use serde_json::{Value, json};

const NOBODY: &str = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c00";

/// There are the queues 1 to 3.
struct Service(Tested);

impl Deref for Service {
    type Target = Tested;

    fn deref(&self) -> &Tested {
        &self.0
    }
}

impl Service {
    async fn start() -> Self {
        let service = Tested::start(&SERVICE).await;
        service.run("INSERT INTO known_queue SELECT generate_series(1, 3)").await;
        Self(service)
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
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

fn conflict(message: &str) -> Fault {
    fault(Status::Conflict, "Conflict", message)
}

fn not_found(message: &str) -> Fault {
    fault(Status::NotFound, "NotFoundError", message)
}

//! The rules and the SQL of the users service, over a real database and as the service's own role.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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

use std::ops::Deref;

use configmgt_contract::{
    Fault, Status,
    catalogues::{CreateContext, CreateEntity, CreateLabel, CreateMediaserver},
    users::CreateUser,
};
use configmgt_testing::{Tested, bad_csv, bad_request, call, content, duplicate, expecting, fault, keyed};
use configmgt_users::SERVICE;
use serde_json::{Value, json};

struct Service(Tested);

impl Deref for Service {
    type Target = Tested;

    fn deref(&self) -> &Tested {
        &self.0
    }
}

impl Service {
    async fn start() -> Self {
        Self(Tested::start(&SERVICE).await)
    }

    /// With so many users, by their ids from 1 on. The login of user 7 is `user7`.
    async fn with_users(count: i32) -> Self {
        let service = Self::start().await;
        let users = "INSERT INTO users (firstname, lastname, login)
                     SELECT 'First' || i, 'Last' || i, 'user' || i FROM generate_series(1, {count}) i";
        service.run(&users.replace("{count}", &count.to_string())).await;
        service
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

    /// Gives a user a SIP line.
    async fn give_line(&self, user: i32, extension: &str) {
        self.run(&format!(
            "INSERT INTO line (user_id, line_type, context, extension, site, name, line_num, provisioning_id)
             VALUES ({user}, 'phone', 'internal', '{extension}', 'mds1', 'sip{user}', 1, 111110 + {user})"
        ))
        .await;
    }
}

fn user_not_found(id: i32) -> Fault {
    fault(Status::NotFound, "UserNotFound", &format!("User {id} not found"))
}

//! Any sequence of operations on users and labels, compared with a model that a reader can check.

use std::collections::{BTreeMap, BTreeSet};

use configmgt_contract::{
    Fault, Status, Whole,
    catalogues::{CreateLabel, DeleteLabel, ListLabels},
    merge::Member,
    users::{CreateUser, DeleteUser, GetUser, PatchUser, ReplaceUser},
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, ProptestConfig, Strategy},
    prop_oneof, proptest,
    sample::select,
};
use serde_json::{Value, json};
use tokio::runtime;

use crate::{Service, bad_request, call, duplicate, fault};

const LABELS: [&str; 4] = ["blue", "green", "red", "yellow"];
const LOGINS: [&str; 3] = ["ann", "bob", "cid"];

#[derive(Debug, Clone)]
enum Step {
    Create { login: Option<String>, labels: Vec<String> },
    Replace { id: i32, login: Option<String>, labels: Vec<String> },
    Patch { id: i32, login: Member<String>, labels: Option<Vec<String>> },
    Delete { id: i32 },
    CreateLabel(String),
    DeleteLabel(String),
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 1..=6;
    let login = || option::of(select(LOGINS.map(str::to_owned).to_vec()));
    let label = || select(LABELS.map(str::to_owned).to_vec());
    let labels = move || vec(label(), 0..4);
    let patched = prop_oneof![
        Just(Member::Absent),
        Just(Member::Null),
        select(LOGINS.map(str::to_owned).to_vec()).prop_map(Member::Value),
    ];
    prop_oneof![
        3 => (login(), labels()).prop_map(|(login, labels)| Step::Create { login, labels }),
        2 => (id(), login(), labels()).prop_map(|(id, login, labels)| Step::Replace { id, login, labels }),
        3 => (id(), patched, option::of(labels()))
            .prop_map(|(id, login, labels)| Step::Patch { id, login, labels }),
        1 => id().prop_map(|id| Step::Delete { id }),
        3 => label().prop_map(Step::CreateLabel),
        2 => label().prop_map(Step::DeleteLabel),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    login: Option<String>,
    labels: Vec<String>,
    version: i64,
}

#[derive(Default)]
struct Model {
    users: BTreeMap<i32, User>,
    labels: BTreeSet<String>,
    /// A creation that the database refused has used its id up.
    creations: i32,
}

impl Model {
    fn take(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Create { login, labels } => {
                self.creations += 1;
                let user = self.checked(self.creations, login, labels)?;
                self.users.insert(self.creations, User { version: 1, ..user });
            }
            Step::Replace { id, login, labels } => self.update(id, login, labels)?,
            Step::Patch { id, login, labels } => {
                let user = self.users.get(&id).ok_or_else(|| not_found(id))?.clone();
                let login = match login {
                    Member::Absent => user.login,
                    Member::Null => None,
                    Member::Value(login) => Some(login),
                };
                self.update(id, login, labels.unwrap_or(user.labels))?;
            }
            Step::Delete { id } => drop(self.users.remove(&id).ok_or_else(|| not_found(id))?),
            Step::CreateLabel(name) => {
                if !self.labels.insert(name) {
                    return Err(duplicate("label_pkey"));
                }
            }
            Step::DeleteLabel(name) => {
                if !self.labels.contains(&name) {
                    return Err(fault(Status::NotFound, "NotFoundError", &format!("Label {name} not found")));
                }
                let users: Vec<_> = self.users.iter().filter(|(_, user)| user.labels.contains(&name)).collect();
                let ids = users.iter().take(10).map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
                let noun = if users.len() == 1 { "user" } else { "users" };
                let more = if users.len() > 10 { " and others" } else { "" };
                if !users.is_empty() {
                    let message = format!("Label {name} is in use by {noun} {ids}{more}");
                    return Err(fault(Status::Conflict, "Conflict", &message));
                }
                self.labels.remove(&name);
            }
        }
        Ok(())
    }

    fn update(&mut self, id: i32, login: Option<String>, labels: Vec<String>) -> Result<(), Fault> {
        let before = self.users.get(&id).ok_or_else(|| not_found(id))?.clone();
        let mut after = User { version: before.version, ..self.checked(id, login, labels)? };
        if after != before {
            after.version += 1;
        }
        self.users.insert(id, after);
        Ok(())
    }

    fn checked(&self, id: i32, login: Option<String>, labels: Vec<String>) -> Result<User, Fault> {
        let taken = |user: &User| login.is_some() && user.login == login;
        if self.users.iter().any(|(other, user)| *other != id && taken(user)) {
            return Err(duplicate("users_login_key"));
        }
        if let Some(unknown) = labels.iter().find(|label| !self.labels.contains(*label)) {
            return Err(bad_request(&format!("labels: there is no label '{unknown}'")));
        }
        let mut once = Vec::new();
        for label in labels {
            if !once.contains(&label) {
                once.push(label);
            }
        }
        Ok(User { login, labels: once, version: 0 })
    }
}

fn not_found(id: i32) -> Fault {
    fault(Status::NotFound, "UserNotFound", &format!("User {id} not found"))
}

async fn carry_out(service: &Service, step: Step) -> Result<(), Fault> {
    let outcome = match step {
        Step::Create { login, labels } => {
            service.ask::<CreateUser>(json!({"firstname": "A", "login": login, "labels": labels})).await
        }
        Step::Replace { id, login, labels } => {
            let fields = json!({"firstname": "A", "login": login, "labels": labels});
            service.ask::<ReplaceUser>(json!({"id": id, "fields": fields})).await
        }
        Step::Patch { id, login, labels } => {
            let mut patch = json!({});
            if !login.is_absent() {
                patch["login"] = json!(login);
            }
            if let Some(labels) = labels {
                patch["labels"] = json!(labels);
            }
            service.ask::<PatchUser>(json!({"id": id, "patch": patch})).await
        }
        Step::Delete { id } => service.ask::<DeleteUser>(json!({"id": id})).await,
        Step::CreateLabel(name) => service.ask::<CreateLabel>(json!({"name": name})).await,
        Step::DeleteLabel(name) => service.ask::<DeleteLabel>(json!({"name": name})).await,
    };
    outcome.map(drop)
}

async fn compare(service: &Service, model: &Model) {
    for id in 1..=model.creations {
        let answer = service.exchange::<GetUser>(json!({"id": id}), call()).await;
        let answer =
            answer.map(|Whole { body, version, .. }| (serde_json::from_slice::<Value>(&body).unwrap(), version));
        let expected = model.users.get(&id).ok_or_else(|| not_found(id)).map(|User { login, labels, version }| {
            let mut user = json!({"id": id, "firstname": "A", "lastname": "", "labels": labels});
            if let Some(login) = login {
                user["login"] = json!(login);
            }
            (user, Some(*version))
        });
        assert_eq!(answer, expected);
    }
    let labels: Vec<_> = model.labels.iter().map(|name| json!({"name": name, "displayName": name})).collect();
    assert_eq!(service.ask::<ListLabels>(json!({})).await, Ok(json!(labels)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn users_and_labels_behave_as_the_model_does(steps in vec(step(), 1..50)) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = Service::start().await;
            let mut model = Model::default();
            for step in steps {
                let expected = model.take(step.clone());
                assert_eq!(carry_out(&service, step.clone()).await, expected, "{step:?}");
            }
            compare(&service, &model).await;
        });
    }
}

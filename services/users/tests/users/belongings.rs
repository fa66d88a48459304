//! Any sequence of operations on what belongs to a few users, compared with a model that a reader can check.

use std::collections::BTreeMap;

use configmgt_contract::{
    Fault,
    lines::{CreateLine, DeleteLine, GetLine, UpdateLine},
    preferences::{CreatePreference, DeletePreference, ListPreferences, UpdatePreference},
    rights::{DeleteRight, GetRight, SetRight},
    services::{GetServices, UpdateServices},
};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{Service, lines::is_drawn};

/// Users 1 to 3 exist, user 4 does not.
const USERS: i32 = 3;

/// How many sequences are tried, and how long they may be.
const SEQUENCES: u32 = 32;
const LONGEST: usize = 30;

/// What is asked for one user.
#[derive(Debug, Clone)]
enum Step {
    CreateLine(Value),
    UpdateLine(Value),
    DeleteLine,
    UpdateServices(Value),
    SetRight(Value),
    DeleteRight,
    CreatePreference(&'static str, Value),
    UpdatePreference(&'static str, Value),
    DeletePreference(&'static str),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => line().prop_map(Step::CreateLine),
        3 => line().prop_map(Step::UpdateLine),
        1 => Just(Step::DeleteLine),
        3 => services().prop_map(Step::UpdateServices),
        2 => right().prop_map(Step::SetRight),
        1 => Just(Step::DeleteRight),
        2 => preference().prop_map(|(key, value)| Step::CreatePreference(key, value)),
        2 => preference().prop_map(|(key, value)| Step::UpdatePreference(key, value)),
        1 => preference().prop_map(|(key, _)| Step::DeletePreference(key)),
    ]
}

fn line() -> impl Strategy<Value = Value> {
    let line_type = select(vec!["phone", "webrtc", "ua", "sccp", "custom"]);
    let context = select(vec!["default", "default", "inside", "nowhere"]);
    let extension = select(vec!["1000", "1001", "*2#", "10 00"]);
    (line_type, context, extension, option::of(1..=3)).prop_map(|(line_type, context, extension, line_num)| {
        json!({"lineType": line_type, "context": context, "extension": extension, "lineNum": line_num})
    })
}

fn services() -> impl Strategy<Value = Value> {
    let forward = || {
        let destination = option::of(select(vec!["", "1001", "+33", "bob"]));
        option::of((option::of(any::<bool>()), destination)).prop_map(|forward| {
            forward.map(|(enabled, destination)| without_null(json!({"enabled": enabled, "destination": destination})))
        })
    };
    (option::of(any::<bool>()), forward(), forward()).prop_map(|(dnd, busy, unconditional)| {
        without_null(json!({"dndEnabled": dnd, "busy": busy, "unconditional": unconditional}))
    })
}

fn right() -> impl Strategy<Value = Value> {
    let profile = select(vec!["admin", "supervisor", "teacher"]);
    (profile, option::of(vec(1..=3, 0..=3)), option::of(any::<bool>())).prop_map(|(profile, queues, recording)| {
        json!({"type": profile, "data": without_null(json!({"queueIds": queues, "recordingAccess": recording}))})
    })
}

fn preference() -> impl Strategy<Value = (&'static str, Value)> {
    let value = select(vec!["phone", "webrtc", "42"]);
    (select(vec!["preferred_device", "other"]), value)
        .prop_map(|(key, value)| (key, json!({"value": value, "value_type": "String"})))
}

fn without_null(object: Value) -> Value {
    let Value::Object(fields) = object else { return object };
    Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

/// What should be stored, by user, as it is answered.
#[derive(Default)]
struct Model {
    lines: BTreeMap<i32, Value>,
    services: BTreeMap<i32, Value>,
    rights: BTreeMap<i32, Value>,
    preferences: BTreeMap<i32, Vec<(&'static str, Value)>>,
}

/// An answer, or the code of the refusal.
type Answered = Result<Value, String>;

fn refused(code: &str) -> Answered {
    Err(code.to_owned())
}

impl Model {
    /// Takes the step, and says what is to be answered. What the server may choose is taken from its own answer.
    fn take(&mut self, user: i32, step: &Step, answer: &Answered) -> Answered {
        match step {
            Step::CreateLine(wanted) => self.create_line(user, wanted, answer),
            Step::UpdateLine(wanted) => self.update_line(user, wanted),
            Step::DeleteLine => self.lines.remove(&user).map(|_| Value::Null).ok_or("LineNotFound".to_owned()),
            Step::UpdateServices(sent) => self.update_services(user, sent),
            Step::SetRight(sent) => self.set_right(user, sent),
            Step::DeleteRight => self.rights.remove(&user).map(|_| Value::Null).ok_or("NotFoundError".to_owned()),
            Step::CreatePreference(key, value) | Step::UpdatePreference(key, value)
                if *key == "preferred_device" && value["value"] == "42" =>
            {
                refused("BadRequest")
            }
            _ if user > USERS => refused("UserNotFound"),
            Step::CreatePreference(key, value) => {
                let preferences = self.preferences.entry(user).or_default();
                if preferences.iter().any(|(known, _)| known == key) {
                    return refused("Duplicate");
                }
                preferences.push((key, value.clone()));
                Ok(Value::Null)
            }
            Step::UpdatePreference(key, value) => {
                let preferences = self.preferences.entry(user).or_default();
                let Some((_, stored)) = preferences.iter_mut().find(|(known, _)| known == key) else {
                    return refused("PreferenceNotFound");
                };
                *stored = value.clone();
                Ok(Value::Null)
            }
            Step::DeletePreference(key) => {
                let preferences = self.preferences.entry(user).or_default();
                let before = preferences.len();
                preferences.retain(|(known, _)| known != key);
                if preferences.len() < before { Ok(Value::Null) } else { refused("PreferenceNotFound") }
            }
        }
    }

    fn create_line(&mut self, user: i32, wanted: &Value, answer: &Answered) -> Answered {
        if wanted["extension"] == "10 00" {
            return refused("BadRequest");
        }
        if user > USERS || self.lines.contains_key(&user) {
            return refused("LineNotFound");
        }
        self.place(user, wanted)?;
        let Ok(created) = answer else { return refused("nothing") };
        let mut line = fields_of(wanted);
        line["id"] = created["id"].clone();
        if is_sip(wanted) {
            let is_new = self.lines.values().all(|line| line["provisioningId"] != created["provisioningId"]);
            if !is_drawn(created) || !is_new {
                return refused("nothing, for it has no name and code of its own");
            }
            line["name"] = created["name"].clone();
            line["provisioningId"] = created["provisioningId"].clone();
        }
        self.lines.insert(user, line.clone());
        Ok(line)
    }

    fn update_line(&mut self, user: i32, wanted: &Value) -> Answered {
        if wanted["extension"] == "10 00" {
            return refused("BadRequest");
        }
        let Some(stored) = self.lines.get(&user).cloned() else { return refused("LineNotFound") };
        if stored["lineType"] != wanted["lineType"] && !(is_sip(&stored) && is_sip(wanted)) {
            return refused("LineNotFound");
        }
        self.place(user, wanted)?;
        let mut line = fields_of(wanted);
        for field in ["id", "name", "provisioningId"] {
            if let (Some(value), true) = (stored.get(field), line.get(field).is_none()) {
                line[field] = value.clone();
            }
        }
        self.lines.insert(user, line.clone());
        Ok(line)
    }

    /// Whether the line can be where it wants to.
    fn place(&self, user: i32, wanted: &Value) -> Result<(), String> {
        let place = |line: &Value| (line["context"].clone(), line["extension"].clone());
        if self.lines.iter().any(|(other, line)| *other != user && place(line) == place(wanted)) {
            return Err("LineNotFound".to_owned());
        }
        if wanted["context"] == "nowhere" { Err("LineNotFound".to_owned()) } else { Ok(()) }
    }

    fn update_services(&mut self, user: i32, sent: &Value) -> Answered {
        let forwards = || ["busy", "unconditional"].into_iter();
        if forwards().any(|forward| sent[forward]["destination"] == "bob") {
            return refused("BadRequest");
        }
        if user > USERS {
            return refused("UserNotFound");
        }
        let mut services = self.services(user);
        if let Some(dnd) = sent.get("dndEnabled") {
            services["dndEnabled"] = dnd.clone();
        }
        for forward in forwards() {
            for (field, value) in sent.get(forward).and_then(Value::as_object).into_iter().flatten() {
                services[forward][field] = value.clone();
            }
            if services[forward]["enabled"] == true && services[forward]["destination"] == "" {
                return refused("BadRequest");
            }
        }
        self.services.insert(user, services);
        Ok(sent.clone())
    }

    fn services(&self, user: i32) -> Value {
        let off = json!({"enabled": false, "destination": ""});
        let all_off = json!({"dndEnabled": false, "busy": off, "noanswer": off, "unconditional": off});
        self.services.get(&user).cloned().unwrap_or(all_off)
    }

    fn set_right(&mut self, user: i32, sent: &Value) -> Answered {
        let given = |field: &str| sent["data"].get(field).cloned();
        let mut queues: Vec<Value> = Vec::new();
        for id in given("queueIds").iter().filter_map(Value::as_array).flatten() {
            if !queues.contains(id) {
                queues.push(id.clone());
            }
        }
        let data = match sent["type"].as_str() {
            Some("supervisor") => {
                let recording = given("recordingAccess").unwrap_or(json!(true));
                json!({"queueIds": queues, "groupIds": [], "incallIds": [], "recordingAccess": recording,
                       "dissuasionAccess": false})
            }
            Some("teacher") => json!({"queueIds": queues, "groupIds": [], "incallIds": []}),
            _ => json!({}),
        };
        if user > USERS {
            return refused("NotFoundError");
        }
        let right = json!({"type": sent["type"], "data": data});
        self.rights.insert(user, right.clone());
        Ok(right)
    }

    /// What is to be answered to who reads everything of the user: line, services, right and preferences.
    fn all_of(&self, user: i32) -> [Answered; 4] {
        let exists = user <= USERS;
        let preferences = self
            .preferences
            .get(&user)
            .into_iter()
            .flatten()
            .map(|(key, value)| json!({"key": key, "value": value["value"], "value_type": value["value_type"]}));
        [
            self.lines.get(&user).cloned().ok_or("LineNotFound".to_owned()),
            if exists { Ok(self.services(user)) } else { refused("UserNotFound") },
            self.rights.get(&user).cloned().ok_or("NotFoundError".to_owned()),
            if exists { Ok(preferences.collect()) } else { refused("UserNotFound") },
        ]
    }
}

fn is_sip(line: &Value) -> bool {
    ["phone", "webrtc", "ua"].contains(&line["lineType"].as_str().unwrap())
}

/// A line as far as it follows from what is wanted.
fn fields_of(wanted: &Value) -> Value {
    let (context, extension) = (wanted["context"].as_str().unwrap(), wanted["extension"].as_str().unwrap());
    let name = match wanted["lineType"].as_str() {
        Some("sccp") => json!(extension),
        Some("custom") => json!(format!("Local/{extension}@{context}")),
        _ => Value::Null,
    };
    without_null(json!({"lineType": wanted["lineType"], "context": context, "extension": extension, "site": "default",
                        "name": name, "lineNum": wanted["lineNum"].as_i64().unwrap_or(1)}))
}

async fn take(service: &Service, user: i32, step: &Step) -> Answered {
    let named = |key: &str| json!({"user_id": user, "key": key});
    let valued = |key: &str, value: &Value| json!({"user_id": user, "key": key, "value": value});
    let answer = match step {
        Step::CreateLine(line) => service.ask::<CreateLine>(json!({"user_id": user, "line": line})).await,
        Step::UpdateLine(line) => service.ask::<UpdateLine>(json!({"user_id": user, "line": line})).await,
        Step::DeleteLine => service.ask::<DeleteLine>(json!({"user_id": user})).await,
        Step::UpdateServices(sent) => service.ask::<UpdateServices>(json!({"user_id": user, "services": sent})).await,
        Step::SetRight(right) => service.ask::<SetRight>(json!({"login": format!("user{user}"), "right": right})).await,
        Step::DeleteRight => service.ask::<DeleteRight>(json!({"login": format!("user{user}")})).await,
        Step::CreatePreference(key, value) => service.ask::<CreatePreference>(valued(key, value)).await,
        Step::UpdatePreference(key, value) => service.ask::<UpdatePreference>(valued(key, value)).await,
        Step::DeletePreference(key) => service.ask::<DeletePreference>(named(key)).await,
    };
    answer.map_err(code)
}

fn code(fault: Fault) -> String {
    fault.code
}

async fn all_of(service: &Service, user: i32) -> [Answered; 4] {
    let of_user = || json!({"user_id": user});
    [
        service.ask::<GetLine>(of_user()).await.map_err(code),
        service.ask::<GetServices>(of_user()).await.map_err(code),
        service.ask::<GetRight>(json!({"login": format!("user{user}")})).await.map_err(code),
        service.ask::<ListPreferences>(of_user()).await.map_err(code),
    ]
}

async fn follow(steps: Vec<(i32, Step)>) -> Result<(), TestCaseError> {
    let service = Service::with_users(USERS).await;
    service.run("INSERT INTO context VALUES ('inside', 'Inside')").await;
    let mut model = Model::default();
    for (user, step) in steps {
        let answer = take(&service, user, &step).await;
        let expected = model.take(user, &step, &answer);
        proptest::prop_assert_eq!(answer, expected, "{:?} of user {}", step, user);
        proptest::prop_assert_eq!(all_of(&service, user).await, model.all_of(user));
    }
    for user in 1..=USERS + 1 {
        proptest::prop_assert_eq!(all_of(&service, user).await, model.all_of(user));
    }
    Ok(())
}

#[test]
fn whatever_is_asked_in_whatever_order_is_answered_and_stored_as_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let steps = vec((1..=USERS + 1, step()), 1..=LONGEST);
    runner.run(&steps, |steps| runtime.block_on(follow(steps))).unwrap();
}

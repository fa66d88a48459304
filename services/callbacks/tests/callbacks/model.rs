//! Any sequence of operations on requests and periods, compared with a model that a reader can check.

use configmgt_contract::{
    Fault,
    callback_requests::GetCallbackRequest,
    periods::{CreatePeriod, DeletePeriod, UpdatePeriod},
};
use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy},
    prop_oneof, proptest,
    sample::select,
};
use serde_json::{Value, json};
use tokio::runtime;

use crate::{Service, bad_request, conflict, not_found, text};

const NUMBERS: [&str; 3] = ["1", "+33 2", "+332"];
const DAYS: [&str; 2] = ["2027-01-01", "2027-02-01"];
const PERIODS: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    Create { number: &'static str, period: Option<usize> },
    Take { request: usize, agent: i32 },
    Release { request: usize },
    Cloture { request: usize },
    Uncloture { request: usize },
    Reschedule { request: usize, day: &'static str, period: usize },
    MakeDefault { period: usize },
    MakeOrdinary { period: usize },
    DeletePeriod { period: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let request = || 0..4_usize;
    let period = || 0..PERIODS;
    prop_oneof![
        3 => (select(NUMBERS.to_vec()), proptest::option::of(period()))
            .prop_map(|(number, period)| Step::Create { number, period }),
        4 => (request(), 1..4).prop_map(|(request, agent)| Step::Take { request, agent }),
        2 => request().prop_map(|request| Step::Release { request }),
        2 => request().prop_map(|request| Step::Cloture { request }),
        2 => request().prop_map(|request| Step::Uncloture { request }),
        2 => (request(), select(DAYS.to_vec()), period())
            .prop_map(|(request, day, period)| Step::Reschedule { request, day, period }),
        2 => period().prop_map(|period| Step::MakeDefault { period }),
        1 => period().prop_map(|period| Step::MakeOrdinary { period }),
        1 => period().prop_map(|period| Step::DeletePeriod { period }),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Request {
    uuid: String,
    number: &'static str,
    agent: Option<i32>,
    clotured: bool,
    day: String,
    period: usize,
    version: i64,
}

struct Model {
    requests: Vec<Request>,
    /// The uuids of the periods; those that were deleted are marked.
    periods: Vec<(String, bool)>,
    default: usize,
}

impl Model {
    fn change(&mut self, request: usize, change: impl FnOnce(&mut Request) -> Result<(), Fault>) -> Result<(), Fault> {
        // One that was not created yet is none that anybody could ask for.
        let Some(request) = self.requests.get_mut(request) else { return Ok(()) };
        let before = request.clone();
        change(request)?;
        if *request != before {
            request.version += 1;
        }
        Ok(())
    }

    fn exists(&self, period: usize) -> bool {
        self.periods[period].1
    }

    fn no_period(&self, period: usize) -> Fault {
        not_found(&format!("Preferred callback period {} not found", self.periods[period].0))
    }

    fn is_default(&self, period: usize) -> Fault {
        let uuid = &self.periods[period].0;
        conflict(&format!("Preferred callback period {uuid} is the default: make another one the default first"))
    }

    /// What becomes of a step that creates nothing.
    fn take(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Create { .. } => Ok(()),
            Step::Take { request, agent } => self.change(request, |request| {
                if request.clotured {
                    return Err(conflict(&format!("Callback request {} is clotured", request.uuid)));
                }
                match request.agent {
                    Some(holder) if holder != agent => {
                        Err(conflict(&format!("Callback request {} is taken by agent {holder}", request.uuid)))
                    }
                    _ => {
                        request.agent = Some(agent);
                        Ok(())
                    }
                }
            }),
            Step::Release { request } => self.change(request, |request| {
                if !request.clotured {
                    request.agent = None;
                }
                Ok(())
            }),
            Step::Cloture { request } => self.change(request, |request| {
                request.clotured = true;
                Ok(())
            }),
            Step::Uncloture { request } => self.change(request, |request| {
                if std::mem::take(&mut request.clotured) {
                    request.agent = None;
                }
                Ok(())
            }),
            Step::Reschedule { request, day, period } => {
                let exists = self.exists(period);
                let refusal = bad_request(&format!(
                    "periodUuid: there is no preferred callback period {}",
                    self.periods[period].0
                ));
                self.change(request, |request| {
                    if !exists {
                        return Err(refusal);
                    }
                    day.clone_into(&mut request.day);
                    request.period = period;
                    Ok(())
                })
            }
            Step::MakeDefault { period } => {
                if !self.exists(period) {
                    return Err(self.no_period(period));
                }
                self.default = period;
                Ok(())
            }
            Step::MakeOrdinary { period } => {
                if !self.exists(period) {
                    return Err(self.no_period(period));
                }
                if self.default == period { Err(self.is_default(period)) } else { Ok(()) }
            }
            Step::DeletePeriod { period } => {
                if !self.exists(period) {
                    return Err(self.no_period(period));
                }
                if self.default == period {
                    return Err(self.is_default(period));
                }
                if self.requests.iter().any(|request| request.period == period) {
                    let uuid = &self.periods[period].0;
                    return Err(conflict(&format!("Preferred callback period {uuid} is in use by callback requests")));
                }
                self.periods[period].1 = false;
                Ok(())
            }
        }
    }
}

fn dialled(number: &str) -> String {
    number.replace(' ', "")
}

fn period(index: usize, default: bool) -> Value {
    json!({"name": format!("P{index}"), "periodStart": "08:00", "periodEnd": "09:00", "default": default})
}

impl Service {
    async fn take_step(&self, model: &mut Model, list: &str, step: Step) {
        let said = format!("{step:?}");
        let uuid = |request: usize| model.requests.get(request).map(|request| request.uuid.clone());
        let outcome = match step {
            Step::Create { number, period } => return self.create_step(model, list, number, period).await,
            Step::Take { request, agent } => match uuid(request) {
                Some(uuid) => self.take(&uuid, agent).await,
                None => return,
            },
            Step::Release { request } => match uuid(request) {
                Some(uuid) => self.release(&uuid).await,
                None => return,
            },
            Step::Cloture { request } => match uuid(request) {
                Some(uuid) => self.cloture(&uuid).await,
                None => return,
            },
            Step::Uncloture { request } => match uuid(request) {
                Some(uuid) => self.uncloture(&uuid).await,
                None => return,
            },
            Step::Reschedule { request, day, period } => match uuid(request) {
                Some(uuid) => self.reschedule(&uuid, day, &model.periods[period].0).await,
                None => return,
            },
            Step::MakeDefault { period: index } => {
                let request = json!({"uuid": model.periods[index].0, "period": period(index, true)});
                self.ask::<UpdatePeriod>(request).await
            }
            Step::MakeOrdinary { period: index } => {
                let request = json!({"uuid": model.periods[index].0, "period": period(index, false)});
                self.ask::<UpdatePeriod>(request).await
            }
            Step::DeletePeriod { period } => self.ask::<DeletePeriod>(json!({"uuid": model.periods[period].0})).await,
        };
        assert_eq!(outcome.map(|_| ()), model.take(step), "{said}");
    }

    async fn create_step(&self, model: &mut Model, list: &str, number: &'static str, period: Option<usize>) {
        let name = period.map(|period| format!("P{period}"));
        let created = self.create(list, json!({"phoneNumber": number, "dueDate": DAYS[0], "period": name})).await;
        let period = period.unwrap_or(model.default);
        if !model.exists(period) {
            let refused = bad_request(&format!("period: there is no preferred callback period P{period}"));
            assert_eq!(created, Err(refused));
            return;
        }
        let created = created.unwrap();
        let same =
            model.requests.iter().filter(|request| !request.clotured && dialled(request.number) == dialled(number));
        let duplicates: Vec<_> = same.map(|request| request.uuid.clone()).take(10).collect();
        assert_eq!(created.get("duplicates").cloned().unwrap_or_else(|| json!([])), json!(duplicates));
        let day = DAYS[0].to_owned();
        let uuid = text(&created, "uuid");
        model.requests.push(Request { uuid, number, agent: None, clotured: false, day, period, version: 1 });
    }

    async fn is_like(&self, model: &Model) {
        for request in &model.requests {
            let (version, stored) =
                self.versioned::<GetCallbackRequest>(json!({"uuid": request.uuid}), None).await.unwrap();
            let told = Request {
                uuid: text(&stored, "uuid"),
                number: request.number,
                agent: stored["agentId"].as_i64().map(|agent| agent.try_into().unwrap()),
                clotured: stored["clotured"].as_bool().unwrap(),
                day: text(&stored, "dueDate"),
                period: model.periods.iter().position(|(uuid, _)| stored["preferredPeriodUuid"] == **uuid).unwrap(),
                version: version.unwrap(),
            };
            assert_eq!((&told, &stored["phoneNumber"]), (request, &json!(request.number)));
        }
        assert_eq!(text(&self.default_period().await, "uuid"), model.periods[model.default].0);
        let lists = self.lists(false).await;
        let open: Vec<_> =
            lists[0]["callbacks"].as_array().unwrap().iter().map(|request| text(request, "uuid")).collect();
        let expected: Vec<_> =
            model.requests.iter().filter(|request| !request.clotured).map(|request| request.uuid.clone()).collect();
        assert_eq!(open, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_steps_ends_as_in_the_model(steps in vec(step(), 1..40)) {
        runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let service = Service::start().await;
            let first = text(&service.default_period().await, "uuid");
            service.ask::<UpdatePeriod>(json!({"uuid": first, "period": period(0, true)})).await.unwrap();
            let mut periods = vec![(first, true)];
            for index in 1..PERIODS {
                let created = service.ask::<CreatePeriod>(period(index, false)).await.unwrap();
                periods.push((text(&created, "uuid"), true));
            }
            let mut model = Model { requests: Vec::new(), periods, default: 0 };
            let list = service.list("l", 1).await;
            for step in steps {
                service.take_step(&mut model, &list, step).await;
            }
            service.is_like(&model).await;
        });
    }
}

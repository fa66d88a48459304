use configmgt_contract::{
    Expected, Fault, Status,
    callback_requests::{
        ClotureCallbackRequest, FindCallbackRequests, GetCallbackRequest, ReleaseCallbackRequest,
        RescheduleCallbackRequest, TakeCallbackRequest, UnclotureCallbackRequest,
    },
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{NOBODY, Service, bad_request, conflict, fault, not_found, text};

impl Service {
    pub(crate) async fn take(&self, uuid: &str, agent: i32) -> Result<Value, Fault> {
        self.ask::<TakeCallbackRequest>(json!({"uuid": uuid, "taker": {"agentId": agent}})).await
    }

    pub(crate) async fn release(&self, uuid: &str) -> Result<Value, Fault> {
        self.ask::<ReleaseCallbackRequest>(json!({"uuid": uuid})).await
    }

    pub(crate) async fn cloture(&self, uuid: &str) -> Result<Value, Fault> {
        self.ask::<ClotureCallbackRequest>(json!({"uuid": uuid})).await
    }

    pub(crate) async fn uncloture(&self, uuid: &str) -> Result<Value, Fault> {
        self.ask::<UnclotureCallbackRequest>(json!({"uuid": uuid})).await
    }

    pub(crate) async fn reschedule(&self, uuid: &str, day: &str, period: &str) -> Result<Value, Fault> {
        let schedule = json!({"dueDate": day, "periodUuid": period});
        self.ask::<RescheduleCallbackRequest>(json!({"uuid": uuid, "schedule": schedule})).await
    }
}

/// `value` with other members.
fn with(value: &Value, members: Value) -> Value {
    let mut value = value.clone();
    let Value::Object(members) = members else { panic!("{members} has no members") };
    value.as_object_mut().unwrap().extend(members);
    value
}

#[tokio::test]
async fn what_is_left_out_of_a_request_is_the_next_day_and_the_default_period() {
    let service = Service::start().await;
    let list = service.list("l", 2).await;
    let period = service.default_period().await;
    let before = service.tomorrow().await;
    let body =
        json!({"company": "Cie", "phoneNumber": "0298765432", "mobilePhoneNumber": "0654321234", "firstName": "Jack"});
    let created = service.create(&list, body.clone()).await.unwrap();
    let expected = json!({
        "uuid": created["uuid"], "listUuid": list, "phoneNumber": "0298765432", "mobilePhoneNumber": "0654321234",
        "firstName": "Jack", "company": "Cie", "preferredPeriodUuid": period["uuid"], "dueDate": created["dueDate"],
        "queueId": 2, "clotured": false, "preferredPeriod": period,
    });
    assert_eq!(created, expected);
    // Midnight may have passed.
    assert!([before, service.tomorrow().await].contains(&text(&created, "dueDate")));
    assert_eq!(service.get(&text(&created, "uuid")).await, Ok(created));
}

#[tokio::test]
async fn all_that_a_request_may_say_is_kept_as_it_was_said() {
    let service = Service::start().await;
    let (list, period) = (service.list("l", 1).await, service.period("Après-midi", false).await);
    let description = "Call back\nquickly|; \"é\" =1+1 ".to_owned() + &"x".repeat(4060);
    let said = json!({"phoneNumber": "+33 2 30-21.00/92", "mobilePhoneNumber": "*10#", "firstName": "Alice", "lastName": "O'Neill",
                      "company": "=cmd()", "description": description, "dueDate": "2016-08-01"});
    let created = service.create(&list, with(&said, json!({"period": "Après-midi"}))).await.unwrap();
    assert_eq!(created["preferredPeriod"]["uuid"], period.as_str());
    for (member, value) in said.as_object().unwrap() {
        assert_eq!(&created[member], value, "{member}");
    }
    for left_out in [json!(null), json!("")] {
        let bare = json!({"mobilePhoneNumber": "1", "firstName": left_out, "period": left_out, "dueDate": left_out});
        let before = service.tomorrow().await;
        let bare = service.create(&list, bare).await.unwrap();
        assert_eq!((bare.get("firstName"), bare.get("phoneNumber")), (None, None));
        assert!([before, service.tomorrow().await].contains(&text(&bare, "dueDate")));
    }
}

#[tokio::test]
async fn what_cannot_be_called_back_is_refused_by_field() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let number = "is not 1 to 40 of the digits, * and #, maybe behind a + and with separators between";
    for (request, reason) in [
        (json!({}), "one of phoneNumber and mobilePhoneNumber is needed".to_owned()),
        (
            json!({"phoneNumber": "", "mobilePhoneNumber": " "}),
            "one of phoneNumber and mobilePhoneNumber is needed".to_owned(),
        ),
        (json!({"phoneNumber": "John"}), format!("phoneNumber {number}")),
        (json!({"phoneNumber": "1", "mobilePhoneNumber": "1\0"}), format!("mobilePhoneNumber {number}")),
        (json!({"phoneNumber": "1".repeat(41)}), format!("phoneNumber {number}")),
        (
            json!({"phoneNumber": "1", "firstName": "a".repeat(129)}),
            "firstName has more than 128 characters".to_owned(),
        ),
        (json!({"phoneNumber": "1", "lastName": "a\0"}), "lastName contains a control character".to_owned()),
        (json!({"phoneNumber": "1", "company": "a\nb"}), "company contains a control character".to_owned()),
        (
            json!({"phoneNumber": "1", "description": "a".repeat(4097)}),
            "description has more than 4096 characters".to_owned(),
        ),
        (json!({"phoneNumber": "1", "description": "a\0"}), "description contains a control character".to_owned()),
        (
            json!({"phoneNumber": "1", "period": "Night"}),
            "period: there is no preferred callback period Night".to_owned(),
        ),
    ] {
        assert_eq!(service.create(&list, request.clone()).await, Err(bad_request(&reason)), "{request}");
    }
    assert_eq!(service.find(json!([])).await, Ok(json!({"total": 0, "list": []})));
}

#[tokio::test]
async fn a_list_that_there_is_not_takes_no_request() {
    let service = Service::start().await;
    let unknown = not_found(&format!("Callback list {NOBODY} not found"));
    assert_eq!(service.create(NOBODY, json!({"phoneNumber": "1"})).await, Err(unknown));
}

#[tokio::test]
async fn a_list_whose_queue_was_deleted_can_be_read_and_takes_no_request() {
    let service = Service::start().await;
    let list = service.list("l", 3).await;
    let request = service.request(&list, "1").await;
    service.run("DELETE FROM known_queue WHERE id = 3").await;
    let refused = conflict(&format!("Callback list {list} takes no requests any more: queue 3 was deleted"));
    assert_eq!(service.create(&list, json!({"phoneNumber": "2"})).await, Err(refused));
    assert_eq!(service.lists(false).await[0]["callbacks"][0]["uuid"], request.as_str());
    assert_eq!(service.take(&request, 7).await.unwrap()["agentId"], 7);
}

#[tokio::test]
async fn another_open_request_of_the_list_with_the_same_number_is_named() {
    let service = Service::start().await;
    let (list, other) = (service.list("l", 1).await, service.list("o", 1).await);
    // With the two blanks at which no line is broken.
    let first = service.request(&list, "02\u{a0}30 21\u{202f}00 92").await;
    service.request(&other, "0230210092").await;
    let create = async |request: Value| service.create(&list, request).await.unwrap().get("duplicates").cloned();
    assert_eq!(create(json!({"phoneNumber": "1", "mobilePhoneNumber": "1"})).await, None);
    let second = service.create(&list, json!({"mobilePhoneNumber": "02.30.21.00.92"})).await.unwrap();
    assert_eq!(second["duplicates"], json!([first]));
    // The answer is marked, not the request.
    assert_eq!(service.get(&text(&second, "uuid")).await.unwrap().get("duplicates"), None);
    let both = json!({"phoneNumber": "9", "mobilePhoneNumber": "0230210092"});
    assert_eq!(create(both.clone()).await, Some(json!([first, second["uuid"]])));
    service.cloture(&first).await.unwrap();
    service.cloture(&text(&second, "uuid")).await.unwrap();
    assert_eq!(create(both).await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_of_many_agents_gets_a_request_and_the_others_are_told_who() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    for _ in 0..5 {
        let uuid = service.request(&list, "1").await;
        let outcomes = join_all((1..=12).map(|agent| service.take(&uuid, agent))).await;
        let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let holder = &winners[0]["agentId"];
        let refused = conflict(&format!("Callback request {uuid} is taken by agent {holder}"));
        assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|fault| *fault == refused));
        assert_eq!(service.get(&uuid).await.unwrap()["agentId"], *holder);
    }
}

#[tokio::test]
async fn a_request_is_taken_released_and_taken_again() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let uuid = service.request(&list, "1").await;
    let free = service.get(&uuid).await.unwrap();
    let taken = with(&free, json!({"agentId": 7}));
    assert_eq!(service.take(&uuid, 7).await, Ok(taken.clone()));
    let changes = service.changes().await.len();
    assert_eq!(service.take(&uuid, 7).await, Ok(taken));
    assert_eq!(service.changes().await.len(), changes);
    let refused = conflict(&format!("Callback request {uuid} is taken by agent 7"));
    assert_eq!(service.take(&uuid, 8).await, Err(refused));
    assert_eq!(service.release(&uuid).await, Ok(free.clone()));
    let changes = service.changes().await.len();
    assert_eq!(service.release(&uuid).await, Ok(free.clone()));
    assert_eq!(service.changes().await.len(), changes);
    assert_eq!(service.take(&uuid, 8).await, Ok(with(&free, json!({"agentId": 8}))));
    for agent in [0, -1] {
        let refused = bad_request(&format!("agentId: {agent} is no possible id"));
        assert_eq!(service.take(&uuid, agent).await, Err(refused));
    }
}

#[tokio::test]
async fn a_request_that_is_done_keeps_its_agent_and_is_not_taken_until_it_is_open_again() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let uuid = service.request(&list, "1").await;
    let free = service.get(&uuid).await.unwrap();
    service.take(&uuid, 7).await.unwrap();
    let done = with(&free, json!({"agentId": 7, "clotured": true}));
    assert_eq!(service.cloture(&uuid).await, Ok(done.clone()));
    assert_eq!(service.cloture(&uuid).await, Ok(done.clone()));
    assert_eq!(service.release(&uuid).await, Ok(done));
    let refused = conflict(&format!("Callback request {uuid} is clotured"));
    assert_eq!(service.take(&uuid, 7).await, Err(refused));
    assert_eq!(service.uncloture(&uuid).await, Ok(free.clone()));
    let taken = with(&free, json!({"agentId": 8}));
    assert_eq!(service.take(&uuid, 8).await, Ok(taken.clone()));
    // What is open stays as it is.
    assert_eq!(service.uncloture(&uuid).await, Ok(taken));
}

#[tokio::test]
async fn a_request_is_put_off_to_another_day_and_period() {
    let service = Service::start().await;
    let (list, period) = (service.list("l", 1).await, service.period("Afternoon", false).await);
    let uuid = service.request(&list, "1").await;
    service.take(&uuid, 7).await.unwrap();
    let put_off = service.reschedule(&uuid, "2027-01-01", &period).await.unwrap();
    let expected = (&json!("2027-01-01"), &json!(period), &json!("Afternoon"), &json!(7));
    let members = (
        &put_off["dueDate"],
        &put_off["preferredPeriodUuid"],
        &put_off["preferredPeriod"]["name"],
        &put_off["agentId"],
    );
    assert_eq!(members, expected);
    let unknown = bad_request(&format!("periodUuid: there is no preferred callback period {NOBODY}"));
    assert_eq!(service.reschedule(&uuid, "2027-01-02", NOBODY).await, Err(unknown));
    assert_eq!(service.get(&uuid).await, Ok(put_off));
}

#[tokio::test]
async fn a_request_that_nobody_knows_is_not_found() {
    let service = Service::start().await;
    let period = text(&service.default_period().await, "uuid");
    let unknown = not_found(&format!("Callback request {NOBODY} not found"));
    assert_eq!(service.get(NOBODY).await, Err(unknown.clone()));
    assert_eq!(service.take(NOBODY, 1).await, Err(unknown.clone()));
    assert_eq!(service.release(NOBODY).await, Err(unknown.clone()));
    assert_eq!(service.cloture(NOBODY).await, Err(unknown.clone()));
    assert_eq!(service.uncloture(NOBODY).await, Err(unknown.clone()));
    assert_eq!(service.reschedule(NOBODY, "2027-01-01", &period).await, Err(unknown));
}

#[tokio::test]
async fn every_member_of_a_request_can_be_filtered_by_as_clients_write_it() {
    let service = Service::start().await;
    let (list, other) = (service.list("l", 2).await, service.list("o", 1).await);
    let period = service.period("Afternoon", false).await;
    let wanted = service
        .create(
            &list,
            json!({"phoneNumber": "1000", "mobilePhoneNumber": "2000", "firstName": "John", "lastName": "Doe",
                              "company": "MyCompany", "description": "Call back quickly", "dueDate": "2018-07-05",
                              "period": "Afternoon"}),
        )
        .await
        .unwrap();
    service.create(&other, json!({"phoneNumber": "3000", "dueDate": "2019-01-01"})).await.unwrap();
    let uuid = text(&wanted, "uuid");
    service.take(&uuid, 7).await.unwrap();
    let wanted = service.cloture(&uuid).await.unwrap();
    let page = json!({"total": 1, "list": [wanted]});
    for (field, operator, value) in [
        ("uuid", "=", uuid.as_str()),
        ("listUuid", "=", &list),
        ("phoneNumber", "=", "1000"),
        ("phoneNumber", "Like", "10%"),
        ("mobilePhoneNumber", "iLike", "%00"),
        ("firstName", "Like", "J%"),
        ("lastName", "=", "Doe"),
        ("company", "ilike", "mycomp%"),
        ("description", "Like", "%quickly"),
        ("preferredPeriodUuid", "=", &period),
        ("dueDate", "=", "2018-07-05"),
        ("dueDate", "<", "2018-12-31"),
        ("agentId", "=", "7"),
        ("queueId", "=", "2"),
        ("clotured", "=", "true"),
        ("clotured", "!=", "false"),
    ] {
        let found = service.find(json!([{"field": field, "operator": operator, "value": value}])).await;
        assert_eq!(found, Ok(page.clone()), "{field} {operator} {value}");
    }
    let open = service.find(
        json!([{"field": "clotured", "operator": "=", "value": "false"}, {"field": "agentId", "operator": "is null"}]),
    );
    assert_eq!(open.await.unwrap()["list"][0]["phoneNumber"], "3000");
    let sorted = service.find(json!([{"field": "dueDate", "order": "DESC"}])).await.unwrap();
    let days: Vec<_> = sorted["list"].as_array().unwrap().iter().map(|request| &request["dueDate"]).collect();
    assert_eq!(days, ["2019-01-01", "2018-07-05"]);
}

#[tokio::test]
async fn a_filter_that_does_not_fit_is_refused_by_field() {
    let service = Service::start().await;
    for (filter, message) in [
        (
            json!({"field": "dueDate", "operator": "=", "value": "tomorrow"}),
            "dueDate: 'tomorrow' is no date (YYYY-MM-DD)",
        ),
        (json!({"field": "clotured", "operator": "=", "value": "yes"}), "clotured: 'yes' is no boolean"),
        (json!({"field": "listUuid", "operator": "=", "value": "1"}), "listUuid: '1' is no UUID"),
        (json!({"field": "queueId", "operator": "=", "value": "x"}), "queueId: 'x' is no whole number"),
        (
            json!({"field": "queueId", "operator": "like", "value": "1%"}),
            "queueId: the operator like does not fit this field",
        ),
        (
            json!({"field": "phoneNumber", "operator": "=", "value": "a\0"}),
            "phoneNumber: a value cannot contain a NUL character",
        ),
    ] {
        assert_eq!(service.find(json!([filter])).await, Err(bad_request(message)));
    }
    let page = service.ask::<FindCallbackRequests>(json!({"filters": [], "limit": 1001})).await;
    assert_eq!(page, Err(bad_request("limit: 1001 is not between 0 and 1000")));
}

#[tokio::test]
async fn a_request_is_taken_in_the_version_that_is_expected_only() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let uuid = service.request(&list, "1").await;
    let take = async |version| {
        let request = json!({"uuid": uuid, "taker": {"agentId": 7}});
        service
            .versioned::<TakeCallbackRequest>(request, Some(Expected::OneOf(vec![version])))
            .await
            .map(|(version, _)| version)
    };
    let refused = fault(Status::PreconditionFailed, "PreconditionFailed", "the object has version 1");
    assert_eq!(take(2).await, Err(refused));
    assert_eq!(take(1).await, Ok(Some(2)));
    let (version, _) = service.versioned::<GetCallbackRequest>(json!({"uuid": uuid}), None).await.unwrap();
    assert_eq!(version, Some(2));
}

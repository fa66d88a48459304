use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    observed::assert_complete_of,
    running::{Exchange, Running, forget_peak, peak_kib},
};

const SERVICE: &str = "callbacks";

/// How much edge and service may grow while a list passes through them, whatever its length.
const GROWTH_KIB: u64 = 32 * 1024;

impl Running {
    /// A queue, right after it a list of it, and the list's uuid.
    pub(crate) async fn callback_list(&self, name: &str) -> String {
        let (status, queue) = self.ask("POST", "2.0/queues", Some(json!({"name": name}))).await;
        assert_eq!(status, 201, "{queue}");
        let body = json!({"name": name, "queueId": queue["id"]});
        let (status, list) = self.ask("POST", "1.0/callback_lists", Some(body)).await;
        assert_eq!(status, 200, "{list}");
        list["uuid"].as_str().unwrap().to_owned()
    }

    async fn callback_request(&self, list: &str, body: Value) -> Value {
        let (status, request) =
            self.ask("POST", &format!("1.0//callback_lists/{list}/callback_requests"), Some(body)).await;
        assert_eq!(status, 200, "{request}");
        request
    }
}

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let running = Running::start().await;
    running.ask("POST", "2.0/queues", Some(json!({"name": "queue1"}))).await;
    // A list can be created right after its queue.
    let new = json!({"name": "newlist", "queueId": 1});
    let (status, list) = running.ask("POST", "1.0/callback_lists", Some(new)).await;
    let uuid = list["uuid"].as_str().unwrap();
    assert_eq!((status, &list), (200, &json!({"callbacks": [], "name": "newlist", "queueId": 1, "uuid": uuid})));

    let (_, periods) = running.ask("GET", "1.0/preferred_callback_periods", None).await;
    let period = &periods[0];
    let body =
        json!({"company": "Cie", "phoneNumber": "0298765432", "mobilePhoneNumber": "0654321234", "firstName": "Jack"});
    let request = running.callback_request(uuid, body).await;
    let expected = json!({
        "uuid": request["uuid"], "listUuid": uuid, "phoneNumber": "0298765432", "mobilePhoneNumber": "0654321234",
        "firstName": "Jack", "company": "Cie", "preferredPeriodUuid": period["uuid"], "dueDate": request["dueDate"],
        "queueId": 1, "clotured": false,
        "preferredPeriod": {"uuid": period["uuid"], "name": "Toute la journée", "periodStart": "09:00:00",
                            "periodEnd": "17:00:00", "default": true},
    });
    assert_eq!(request, expected);
    let listed = json!([{"uuid": uuid, "name": "newlist", "queueId": 1, "callbacks": [request]}]);
    let filters = json!({"filters": [{"field": "phoneNumber", "operator": "=", "value": "0298765432"}], "offset": 0, "limit": 100});
    let without_uuid = json!({"error": "BadRequest",
                              "message": "the uuid of the callback list is missing: DELETE /callback_lists/<uuid>"});
    let unknown_queue = json!({"error": "BadRequest", "message": "queueId: there is no queue 9"});
    running
        .answers([
            Exchange("GET", "1.0/callback_lists", None, 200, listed.clone()),
            Exchange("GET", "1.0//callback_lists?withRequest=true", None, 200, listed),
            Exchange("POST", "1.0/callback_requests/find", Some(filters), 200, json!({"total": 1, "list": [request]})),
            Exchange("DELETE", "1.0/callback_lists", None, 400, without_uuid),
            Exchange("POST", "1.0/callback_lists", Some(json!({"name": "a", "queueId": 9})), 400, unknown_queue),
        ])
        .await;
    let deleted = running.ask("DELETE", &format!("1.0/callback_lists/{uuid}"), None).await;
    assert_eq!(deleted, (200, list.clone()));
    running.answers([Exchange("GET", "1.0/callback_lists?_=1732483000&withRequest=0", None, 200, json!([]))]).await;
    assert_eq!(assert_complete_of(&running, SERVICE).await, 4);
}

#[tokio::test]
async fn the_documented_file_is_imported() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    let period = json!({"name": "Afternoon", "periodStart": "14:00", "periodEnd": "17:00:00"});
    let created = running.send("POST", "1.0/preferred_callback_periods", Some(period)).await;
    assert_eq!(created.status(), 201);
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = created.json().await.unwrap();
    let uuid = created["uuid"].as_str().unwrap();
    assert_eq!(location, format!("/configmgt/api/1.0/preferred_callback_periods/{uuid}"));
    let path = format!("1.0//callback_lists/{list}/callback_requests/csv");
    let file = "phoneNumber|mobilePhoneNumber|firstName|lastName|company|description|dueDate|period\n\
                0230210092|0689746321|John|Doe|MyCompany|Call back quickly||\n\
                0587963214|0789654123|Alice|O'Neill|YourSociety||2016-08-01|Afternoon";
    let import = async |file: &'static str| {
        let answer = running.request("POST", &path, None).header("Content-Type", "text/plain").body(file);
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(import(file).await, (200, json!({"imported": 2})));
    let (status, refused) = import("phoneNumber|dueDate\n1|\nJohn|tomorrow\n").await;
    let number = "is not 1 to 40 of the digits, * and #, maybe behind a + and with separators between";
    let day = "is no day like 2026-11-24";
    let refusal = json!({
        "error": "BadCsv",
        "message": format!("line 3, phoneNumber: {number}; line 3, dueDate: {day}"),
        "errors": [
            {"line": 3, "column": "phoneNumber", "reason": number},
            {"line": 3, "column": "dueDate", "reason": day},
        ],
    });
    assert_eq!((status, refused), (400, refusal));
    let (_, lists) = running.ask("GET", "1.0/callback_lists", None).await;
    let names: Vec<_> = lists[0]["callbacks"].as_array().unwrap().iter().map(|request| &request["lastName"]).collect();
    assert_eq!(names, ["Doe", "O'Neill"]);
    // A period, a list and two requests.
    assert_eq!(assert_complete_of(&running, SERVICE).await, 4);
}

#[tokio::test]
async fn two_agents_race_for_a_request_and_its_ticket_is_exported() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    let request = running.callback_request(&list, json!({"phoneNumber": "+33230210092", "lastName": "=1+1"})).await;
    let uuid = request["uuid"].as_str().unwrap();
    let path = format!("1.0/callback_requests/{uuid}/take");
    let takes = join_all((1..=2).map(|agent| running.ask("POST", &path, Some(json!({"agentId": agent}))))).await;
    let (winner, loser) = if takes[0].0 == 200 { (&takes[0], &takes[1]) } else { (&takes[1], &takes[0]) };
    let agent = winner.1["agentId"].as_i64().unwrap();
    let message = format!("Callback request {uuid} is taken by agent {agent}");
    assert_eq!(*loser, (409, json!({"error": "Conflict", "message": message})));
    let ticket = json!({"requestUuid": uuid, "status": "Answered", "comment": "done"});
    let (status, ticket) = running.ask("POST", "1.0/callback_tickets", Some(ticket)).await;
    assert_eq!((status, &ticket["agentId"]), (201, &json!(agent)));
    let answer = running.send("GET", &format!("1.0/callback_lists/{list}/callback_tickets/csv"), None).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let (id, started) = (ticket["uuid"].as_str().unwrap(), ticket["started"].as_str().unwrap());
    let row = format!("{id}|{uuid}|1|{agent}|{started}|{started}|Answered|done|||'+33230210092|||'=1+1||");
    assert_eq!(answer.text().await.unwrap().lines().nth(1).unwrap(), row);
    let cloture = format!("1.0/callback_requests/{uuid}/cloture");
    assert_eq!(running.ask("POST", &cloture, None).await.1["clotured"], true);
    for (status, path) in
        [(400, "1.0/callback_requests/7"), (404, "1.0/callback_requests/019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11")]
    {
        assert_eq!(running.ask("GET", path, None).await.0, status);
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_by_field() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    let request = running.callback_request(&list, json!({"phoneNumber": "1"})).await;
    let requests = format!("1.0/callback_lists/{list}/callback_requests");
    let of = |verb: &str| format!("1.0/callback_requests/{}/{verb}", request["uuid"].as_str().unwrap());
    for (path, field, body) in [
        ("1.0/callback_lists", "queueId", json!({"name": "a", "queueId": 3_000_000_000_u32})),
        ("1.0/callback_lists", "name", json!({"name": 7, "queueId": 1})),
        (requests.as_str(), "dueDate", json!({"phoneNumber": "1", "dueDate": "2026-02-30"})),
        (&of("take"), "agentId", json!({"agentId": "x"})),
        (&of("reschedule"), "periodUuid", json!({"dueDate": "2026-02-01", "periodUuid": "x"})),
        (
            "1.0/preferred_callback_periods",
            "periodStart",
            json!({"name": "a", "periodStart": "25:00", "periodEnd": "17:00"}),
        ),
        ("1.0/callback_tickets", "status", json!({"requestUuid": request["uuid"], "status": "answered"})),
    ] {
        let (status, answer) = running.ask("POST", path, Some(body)).await;
        let message = answer["message"].as_str().unwrap();
        assert_eq!((status, &answer["error"]), (400, &json!("BadRequest")), "{message}");
        assert!(message.starts_with(&format!("the body does not fit at {field}: ")), "{message}");
    }
}

#[tokio::test]
async fn a_deadline_that_is_left_out_is_the_next_day_where_the_call_centre_is() {
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let running = Running::with_settings(&[("TIME_ZONE", zone)]).await;
        let list = running.callback_list("sales").await;
        let database = running.database().await;
        let tomorrow = async || -> String {
            let tomorrow = sqlx::query_scalar("SELECT to_char((now() AT TIME ZONE $1)::date + 1, 'YYYY-MM-DD')");
            tomorrow.bind(zone).fetch_one(&database).await.unwrap()
        };
        let before = tomorrow().await;
        let request = running.callback_request(&list, json!({"phoneNumber": "1"})).await;
        let due = request["dueDate"].as_str().unwrap().to_owned();
        // Midnight may have passed.
        assert!([before, tomorrow().await].contains(&due), "{zone} {due}");
    }
}

#[tokio::test]
async fn a_setting_that_names_no_time_zone_stops_the_start_with_its_name() {
    let running = Running::start().await;
    let mut site = running.site.clone();
    site.settings.push(("TIME_ZONE".to_owned(), "Paris".to_owned()));
    let second = site.spawn("callbacks").unwrap();
    let why = running.line("cannot go on", |line| Some(line["error"].clone())).await;
    assert_eq!(why, "the setting TIME_ZONE cannot be read: 'Paris' is no time zone like Europe/Paris");
    assert!(!second.wait().await.success());
}

#[tokio::test]
async fn a_request_that_nobody_releases_is_freed_with_its_event() {
    let running = Running::with_settings(&[("CALLBACK_HOLD_SECONDS", "1")]).await;
    let list = running.callback_list("sales").await;
    let request = running.callback_request(&list, json!({"phoneNumber": "1"})).await;
    let uuid = request["uuid"].as_str().unwrap();
    running.ask("POST", &format!("1.0/callback_requests/{uuid}/take"), Some(json!({"agentId": 7}))).await;
    loop {
        let event = running.events.next().await;
        if event.subject == format!("configmgt.event.callbacks.callback_request.{uuid}.updated") && event.version() == 3
        {
            assert_eq!(
                (event.header("ce-actor"), &event.body["before"]["agentId"]),
                ("CALLBACK_HOLD_SECONDS", &json!(7))
            );
            assert_eq!(event.body["changedFields"], json!(["agentId"]));
            break;
        }
    }
    assert_eq!(assert_complete_of(&running, SERVICE).await, 4);
}

#[tokio::test]
async fn a_list_of_a_queue_that_was_deleted_stays_and_is_found_by_the_lint() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    running.callback_request(&list, json!({"phoneNumber": "1"})).await;
    assert_eq!(running.ask("DELETE", "2.0/queues/1", None).await.0, 204);
    let finding = loop {
        let (_, findings) = running.ask("GET", "2.0/lint", None).await;
        let findings = findings.as_array().unwrap().clone();
        if let Some(finding) = findings.into_iter().find(|finding| finding["objectType"] == "callback_list") {
            break finding;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(finding["objectId"], list.as_str());
    let path = format!("1.0/callback_lists/{list}/callback_requests");
    let message = format!("Callback list {list} takes no requests any more: queue 1 was deleted");
    let refused = json!({"error": "Conflict", "message": message});
    assert_eq!(running.ask("POST", &path, Some(json!({"phoneNumber": "2"}))).await, (409, refused));
    let (_, lists) = running.ask("GET", "1.0/callback_lists", None).await;
    assert_eq!(lists[0]["callbacks"][0]["phoneNumber"], "1");
}

#[tokio::test]
async fn a_list_with_a_hundred_thousand_open_requests_passes_in_bounded_memory() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    // Once before, so that what every process needs for its first list does not count.
    running.ask("GET", "1.0/callback_lists", None).await;
    running
        .insert(&format!(
            "INSERT INTO callbacks.callback_request
                 (uuid, list_uuid, queue_id, phone_number, first_name, last_name, company, description, due_date, period_uuid)
             SELECT gen_random_uuid(), '{list}', 1, i, 'Firstname' || i, 'Lastname', 'Company', 'Call back quickly', '2026-12-01',
                    (SELECT uuid FROM callbacks.preferred_callback_period)
             FROM generate_series(1, 100000) i"
        ))
        .await;
    let through = [&running.edge, running.service(SERVICE)];
    let before = through.map(|process| {
        forget_peak(process);
        peak_kib(process)
    });
    let (status, lists) = running.ask("GET", "1.0/callback_lists?withRequest=true", None).await;
    assert_eq!(status, 200);
    let after = through.map(peak_kib);
    let numbers = lists[0]["callbacks"].as_array().unwrap().iter();
    let mut numbers: Vec<i32> =
        numbers.map(|request| request["phoneNumber"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=100_000));
    for ((process, before), after) in through.iter().zip(before).zip(after) {
        assert!(after - before < GROWTH_KIB, "{} grew from {before} to {after} KiB", process.name());
    }
}

#[tokio::test]
async fn a_list_with_more_requests_than_go_in_two_seconds_is_deleted_as_a_whole() {
    let running = Running::start().await;
    let list = running.callback_list("sales").await;
    running
        .insert(&format!(
            "INSERT INTO callbacks.callback_request (uuid, list_uuid, queue_id, phone_number, due_date, period_uuid)
             SELECT gen_random_uuid(), '{list}', 1, i, '2026-12-01', (SELECT uuid FROM callbacks.preferred_callback_period)
             FROM generate_series(1, 60000) i"
        ))
        .await;
    let deleted = json!({"uuid": list, "name": "sales", "queueId": 1, "callbacks": []});
    assert_eq!(running.ask("DELETE", &format!("1.0/callback_lists/{list}"), None).await, (200, deleted));
    let (_, found) = running.ask("POST", "1.0/callback_requests/find", Some(json!({}))).await;
    assert_eq!(found, json!({"total": 0, "list": []}));
}

#[tokio::test]
async fn the_copy_of_the_queues_survives_restarts() {
    let mut running = Running::start().await;
    running.callback_list("sales").await;
    running.service(SERVICE).stop(Duration::from_secs(20)).unwrap();
    running.ask("POST", "2.0/queues", Some(json!({"name": "late"}))).await;
    running.services.push(running.site.spawn(SERVICE).unwrap());
    running.ready().await;
    // What happened meanwhile comes when it follows again.
    let (status, list) = loop {
        let answer = running.ask("POST", "1.0/callback_lists", Some(json!({"name": "late", "queueId": 2}))).await;
        if answer.0 != 400 {
            break answer;
        }
    };
    assert_eq!((status, &list["queueId"]), (200, &json!(2)));
    let (status, list) = running.ask("POST", "1.0/callback_lists", Some(json!({"name": "b", "queueId": 1}))).await;
    assert_eq!((status, &list["queueId"]), (200, &json!(1)));
}

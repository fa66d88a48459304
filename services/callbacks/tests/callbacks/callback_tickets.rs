use configmgt_contract::{
    Fault,
    callback_tickets::{CreateCallbackTicket, ExportCallbackTickets, GetCallbackTicket, UpdateCallbackTicket},
};
use serde_json::{Value, json};

use crate::{NOBODY, Service, bad_request, not_found, text};

impl Service {
    pub(crate) async fn ticket(&self, ticket: Value) -> Result<Value, Fault> {
        self.ask::<CreateCallbackTicket>(ticket).await
    }

    pub(crate) async fn update_ticket(&self, uuid: &str, ticket: Value) -> Result<Value, Fault> {
        self.ask::<UpdateCallbackTicket>(json!({"uuid": uuid, "ticket": ticket})).await
    }

    async fn export(&self, list: &str) -> Result<String, Fault> {
        let csv = self.bytes::<ExportCallbackTickets>(json!({"list_uuid": list})).await?;
        Ok(String::from_utf8(csv).unwrap())
    }
}

const HEADER: &str = "uuid|requestUuid|queueId|agentId|started|lastUpdate|status|comment|dueDate|period|phoneNumber|\
                      mobilePhoneNumber|firstName|lastName|company|description\n";

#[tokio::test]
async fn a_ticket_is_that_of_the_agent_who_holds_the_request() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let request = service.request(&list, "1").await;
    let nobodys = service.ticket(json!({"requestUuid": request})).await.unwrap();
    let expected = json!({"uuid": nobodys["uuid"], "listUuid": list, "requestUuid": request, "started": nobodys["started"],
                          "lastUpdate": nobodys["started"]});
    assert_eq!(nobodys, expected);
    service.take(&request, 7).await.unwrap();
    let his = service.ticket(json!({"requestUuid": request, "comment": "I call", "status": "NoAnswer"})).await.unwrap();
    assert_eq!((&his["agentId"], &his["comment"], &his["status"]), (&json!(7), &json!("I call"), &json!("NoAnswer")));
    let named = service.ticket(json!({"requestUuid": request, "agentId": 8})).await.unwrap();
    assert_eq!(named["agentId"], 8);
    assert_eq!(service.ask::<GetCallbackTicket>(json!({"uuid": his["uuid"]})).await, Ok(his));
}

#[tokio::test]
async fn a_ticket_tells_how_the_call_went_in_five_ways() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let request = service.request(&list, "1").await;
    let period = service.period("Afternoon", false).await;
    let ticket = text(&service.ticket(json!({"requestUuid": request})).await.unwrap(), "uuid");
    for status in ["NoAnswer", "Answered", "Email", "Fax"] {
        // As a form sends it, in which only the status and the comment are filled in.
        let sent = json!({"status": status, "comment": "c", "dueDate": "", "periodUuid": ""});
        let updated = service.update_ticket(&ticket, sent).await.unwrap();
        assert_eq!((&updated["status"], &updated["comment"]), (&json!(status), &json!("c")));
    }
    let before = service.get(&request).await.unwrap();
    assert_eq!((&before["clotured"], &before["preferredPeriod"]["name"]), (&json!(false), &json!("Toute la journée")));
    let rescheduled = json!({"status": "Callback", "dueDate": "2027-03-01", "periodUuid": period});
    let updated = service.update_ticket(&ticket, rescheduled.clone()).await.unwrap();
    let told = (&updated["status"], updated.get("comment"), &updated["dueDate"], &updated["periodUuid"]);
    assert_eq!(told, (&json!("Callback"), None, &json!("2027-03-01"), &json!(period)));
    let after = service.get(&request).await.unwrap();
    assert_eq!((&after["dueDate"], &after["preferredPeriodUuid"]), (&json!("2027-03-01"), &json!(period)));
    // What says nothing new changes nothing.
    let changes = service.changes().await.len();
    assert_eq!(service.update_ticket(&ticket, rescheduled).await, Ok(updated));
    assert_eq!(service.changes().await.len(), changes);
}

#[tokio::test]
async fn what_a_ticket_cannot_say_is_refused_and_nothing_changes() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let request = service.request(&list, "1").await;
    let period = text(&service.default_period().await, "uuid");
    let created = service.ticket(json!({"requestUuid": request, "status": "Email"})).await.unwrap();
    let ticket = text(&created, "uuid");
    let incomplete = "the status Callback needs a dueDate and a periodUuid";
    let needless = "dueDate and periodUuid belong to the status Callback";
    for (update, reason) in [
        (json!({"status": "Callback"}), incomplete.to_owned()),
        (json!({"status": "Callback", "dueDate": "2027-01-01"}), incomplete.to_owned()),
        (json!({"status": "Callback", "periodUuid": period}), incomplete.to_owned()),
        (json!({"status": "Fax", "dueDate": "2027-01-01", "periodUuid": period}), needless.to_owned()),
        (json!({"status": "Fax", "periodUuid": period}), needless.to_owned()),
        (json!({"status": "Fax", "comment": "a\0"}), "comment contains a control character".to_owned()),
        (json!({"status": "Fax", "comment": "a".repeat(4097)}), "comment has more than 4096 characters".to_owned()),
        (
            json!({"status": "Callback", "dueDate": "2027-01-01", "periodUuid": NOBODY}),
            format!("periodUuid: there is no preferred callback period {NOBODY}"),
        ),
    ] {
        assert_eq!(service.update_ticket(&ticket, update.clone()).await, Err(bad_request(&reason)), "{update}");
    }
    assert_eq!(service.ask::<GetCallbackTicket>(json!({"uuid": ticket})).await, Ok(created));
    let agent = service.ticket(json!({"requestUuid": request, "agentId": 0})).await;
    assert_eq!(agent, Err(bad_request("agentId: 0 is no possible id")));
    let unknown = not_found(&format!("Callback request {NOBODY} not found"));
    assert_eq!(service.ticket(json!({"requestUuid": NOBODY})).await, Err(unknown));
    let unknown = not_found(&format!("Callback ticket {NOBODY} not found"));
    assert_eq!(service.update_ticket(NOBODY, json!({"status": "Fax"})).await, Err(unknown.clone()));
    assert_eq!(service.ask::<GetCallbackTicket>(json!({"uuid": NOBODY})).await, Err(unknown));
}

#[tokio::test]
async fn the_tickets_of_a_list_are_exported_with_their_requests_and_without_formulas() {
    let service = Service::start().await;
    let (list, other) = (service.list("l", 2).await, service.list("o", 1).await);
    let period = service.period("Afternoon", false).await;
    let request = service
        .create(
            &list,
            json!({"phoneNumber": "+33230210092", "firstName": "Éric", "lastName": "=cmd|'/c calc'!A1",
                              "company": "@SUM(A1)", "description": "first\r\nsecond"}),
        )
        .await
        .unwrap();
    let request = text(&request, "uuid");
    service.take(&request, 7).await.unwrap();
    let elsewhere = service.request(&other, "1").await;
    service.ticket(json!({"requestUuid": elsewhere})).await.unwrap();
    assert_eq!(service.export(&list).await, Ok(HEADER.to_owned()));
    let first = service.ticket(json!({"requestUuid": request, "status": "NoAnswer", "comment": "-1"})).await.unwrap();
    let said = json!({"requestUuid": request, "status": "Callback", "dueDate": "2027-01-01", "periodUuid": period});
    let second = service.ticket(said).await.unwrap();
    let row = |ticket: &Value, said: &str| {
        let (uuid, started) = (text(ticket, "uuid"), text(ticket, "started"));
        format!(
            "{uuid}|{request}|2|7|{started}|{started}|{said}|'+33230210092||Éric|'=cmd '/c calc'!A1|'@SUM(A1)|first  second\n"
        )
    };
    let expected = [HEADER, &row(&first, "NoAnswer|'-1||"), &row(&second, "Callback||2027-01-01|Afternoon")].concat();
    assert_eq!(service.export(&list).await, Ok(expected));
    let unknown = not_found(&format!("Callback list {NOBODY} not found"));
    assert_eq!(service.export(NOBODY).await, Err(unknown));
}

#[tokio::test]
async fn an_export_longer_than_a_batch_is_whole() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let request = service.request(&list, "1").await;
    service
        .run(&format!(
            "INSERT INTO callback_ticket (uuid, list_uuid, request_uuid, comment, started_at, updated_at)
             SELECT uuid7(now()), '{list}', '{request}', 'c' || i, now(), now() FROM generate_series(1, 2001) i"
        ))
        .await;
    let exported = service.export(&list).await.unwrap();
    let mut comments: Vec<i32> =
        exported.lines().skip(1).map(|line| line.split('|').nth(7).unwrap()[1..].parse().unwrap()).collect();
    comments.sort_unstable();
    assert!(comments.into_iter().eq(1..=2001));
}

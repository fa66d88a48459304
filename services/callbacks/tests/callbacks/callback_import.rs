use bytes::Bytes;
use configmgt_contract::{
    Fault, Status, Upload, callback_import::ImportCallbackRequests, callback_lists::DeleteCallbackList,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{NOBODY, Service, bad_csv, call, conflict, content, fault, keyed, not_found, text};

const ID: &str = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11";

const NUMBER: &str = "is not 1 to 40 of the digits, * and #, maybe behind a + and with separators between";

impl Service {
    async fn import(&self, list: &str, file: impl AsRef<[u8]>) -> Result<Value, Fault> {
        let request = json!({"list_uuid": list, "options": {"dry_run": false, "import": ID}});
        self.upload::<ImportCallbackRequests>(call(), request, content(file)).await
    }

    async fn try_out(&self, list: &str, file: &str) -> Result<Value, Fault> {
        let request = json!({"list_uuid": list, "options": {"dry_run": true}});
        self.upload::<ImportCallbackRequests>(call(), request, content(file)).await
    }

    /// Requests, and their changes.
    async fn counts(&self) -> (i64, i64) {
        let counts = "SELECT (SELECT count(*) FROM callbacks.callback_request),
                             (SELECT count(*) FROM callbacks.journal JOIN callbacks.outbox ON id = journal_id
                              WHERE object_type = 'callback_request' AND action = 'created' AND object_version = 1)";
        sqlx::query_as(counts).fetch_one(&self.owner).await.unwrap()
    }

    /// The list's open requests, but for what the server gives them.
    async fn open(&self, list: &str) -> Vec<Value> {
        let lists = self.lists(false).await;
        let list = lists.as_array().unwrap().iter().find(|listed| listed["uuid"] == list).unwrap();
        let requests = list["callbacks"].as_array().unwrap().iter().map(|request| {
            let mut request = request.clone();
            request["preferredPeriod"] = request["preferredPeriod"]["name"].clone();
            for member in ["uuid", "listUuid", "queueId", "clotured", "preferredPeriodUuid"] {
                request.as_object_mut().unwrap().remove(member).unwrap();
            }
            request
        });
        requests.collect()
    }
}

#[tokio::test]
async fn the_documented_file_is_imported_in_its_order() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    service.period("Afternoon", false).await;
    let file = "phoneNumber|mobilePhoneNumber|firstName|lastName|company|description|dueDate|period\n\
                0230210092|0689746321|John|Doe|MyCompany|Call back quickly||\n\
                0587963214|0789654123|Alice|O'Neill|YourSociety||2016-08-01|Afternoon";
    let before = service.tomorrow().await;
    assert_eq!(service.import(&list, file).await, Ok(json!({"imported": 2})));
    let open = service.open(&list).await;
    assert!([before, service.tomorrow().await].contains(&text(&open[0], "dueDate")));
    let expected = [
        json!({"phoneNumber": "0230210092", "mobilePhoneNumber": "0689746321", "firstName": "John", "lastName": "Doe",
               "company": "MyCompany", "description": "Call back quickly", "dueDate": open[0]["dueDate"],
               "preferredPeriod": "Toute la journée"}),
        json!({"phoneNumber": "0587963214", "mobilePhoneNumber": "0789654123", "firstName": "Alice", "lastName": "O'Neill",
               "company": "YourSociety", "dueDate": "2016-08-01", "preferredPeriod": "Afternoon"}),
    ];
    assert_eq!(open, expected);
    assert_eq!(service.counts().await, (2, 2));
    let done = json!({"id": ID, "kind": "callback_requests", "state": "done", "rowsRead": 2, "imported": 2});
    assert_eq!(service.progress(ID).await, Ok(done));
}

#[tokio::test]
async fn a_file_may_have_a_byte_order_mark_crlf_any_order_of_columns_and_empty_lines() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let file = "\u{feff}dueDate|lastName|phoneNumber\r\n\r\n2027-01-01|Ménage \"é\" \\n|+33 2 30\r\n\r\n|=cmd()|*1#\r";
    assert_eq!(service.import(&list, file).await, Ok(json!({"imported": 2})));
    let open = service.open(&list).await;
    let names: Vec<_> = open.iter().map(|request| (&request["phoneNumber"], &request["lastName"])).collect();
    assert_eq!(names, [(&json!("+33 2 30"), &json!("Ménage \"é\" \\n")), (&json!("*1#"), &json!("=cmd()"))]);
    assert_eq!(service.import(&list, "phoneNumber\n").await, Ok(json!({"imported": 0})));
}

#[tokio::test]
async fn every_bad_line_is_named_with_its_column_and_nothing_is_stored() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let mut file = b"phoneNumber|mobilePhoneNumber|firstName|dueDate|period\n\
        1||Good||\n\
        ||Nobody||\n\
        John|O'Neill|X||\n\
        2||X|2026-02-30|Night\n\
        3|X\n\
        4||a\0||\n\
        5||\xff||\n\
        6||"
    .to_vec();
    file.extend("a".repeat(129).bytes());
    file.extend(b"||\n7||X|tomorrow|\n");
    let message = format!(
        "line 3, phoneNumber: one of phoneNumber and mobilePhoneNumber is needed; line 4, phoneNumber: {NUMBER}; \
         line 4, mobilePhoneNumber: {NUMBER}; line 5, dueDate: is no day like 2026-11-24; \
         line 5, period: there is no period 'Night'; line 6: fields in this line: 2, in the header: 5; \
         line 7, firstName: a NUL character cannot be stored; line 8, firstName: what stands here is not UTF-8; \
         line 9, firstName: has more than 128 characters; line 10, dueDate: is no day like 2026-11-24"
    );
    assert_eq!(service.import(&list, file).await, Err(bad_csv(&message)));
    assert_eq!(service.counts().await, (0, 0));
    let failed = json!({"id": ID, "kind": "callback_requests", "state": "failed", "rowsRead": 0, "message": message});
    assert_eq!(service.progress(ID).await, Ok(failed));
}

#[tokio::test]
async fn the_first_hundred_errors_are_named_and_the_others_counted() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let message = service.import(&list, format!("phoneNumber\n{}", "x\n".repeat(250))).await.unwrap_err().message;
    assert_eq!(message.matches("phoneNumber: ").count(), 100);
    assert!(message.ends_with(&format!("line 101, phoneNumber: {NUMBER}; and 150 more")), "{message}");
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_is_refused_as_a_whole() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let megabyte = "x".repeat(1024 * 1024);
    for (file, message) in [
        (String::new(), "line 1: there is no header line".to_owned()),
        (
            "phonenumber|Period\n1|2\n".to_owned(),
            "line 1: 'phonenumber': no such column; line 1: 'Period': no such column".to_owned(),
        ),
        ("phoneNumber|phoneNumber\n1|2\n".to_owned(), "line 1, phoneNumber: the column is there twice".to_owned()),
        ("phoneNumber,firstName\n1,2\n".to_owned(), "line 1: 'phoneNumber,firstName': no such column".to_owned()),
        (megabyte.clone(), "line 1: the line has more than 65536 bytes".to_owned()),
        (format!("phoneNumber\n1\n{megabyte}\n2\n"), "line 3: the line has more than 65536 bytes".to_owned()),
    ] {
        assert_eq!(service.import(&list, &file).await, Err(bad_csv(&message)));
    }
    // What a spreadsheet of another time writes.
    let utf16: Vec<u8> = "phoneNumber\n1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(service.import(&list, utf16).await.unwrap_err().code, "BadCsv");
    let latin1 = service.import(&list, b"phoneNumber|lastName\n1|M\xe9nage\n").await;
    assert_eq!(latin1, Err(bad_csv("line 2, lastName: what stands here is not UTF-8")));
    assert_eq!(service.counts().await, (0, 0));
}

#[tokio::test]
async fn lines_with_the_number_of_another_open_request_are_imported_and_named() {
    let service = Service::start().await;
    let (list, other) = (service.list("l", 1).await, service.list("o", 1).await);
    service.request(&list, "02\u{a0}30").await;
    service.request(&other, "7").await;
    let done = service.request(&list, "8").await;
    service.cloture(&done).await.unwrap();
    let file = "phoneNumber|mobilePhoneNumber\n0230|\n7|\n8|8\n|02\u{202f}30\n1|7\n9|\n";
    let tried = json!({"created": 6, "refused": 0, "errors": [], "duplicates": {"total": 3, "lines": [2, 5, 6]}});
    assert_eq!(service.try_out(&list, file).await, Ok(tried));
    let imported = json!({"imported": 6, "duplicates": {"total": 3, "lines": [2, 5, 6]}});
    assert_eq!(service.import(&list, file).await, Ok(imported));
    let many = format!("phoneNumber\n{}", "5\n".repeat(2500));
    let again = service.import(&list, many).await.unwrap();
    assert_eq!((&again["imported"], &again["duplicates"]["total"]), (&json!(2500), &json!(2499)));
    let lines: Vec<_> = (3..=102).collect();
    assert_eq!(again["duplicates"]["lines"], json!(lines));
}

#[tokio::test]
async fn a_dry_run_tells_what_is_wrong_and_stores_nothing() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let tried = service.try_out(&list, "phoneNumber|dueDate\n1|\n2|x\n3|\n").await;
    let errors = json!([{"line": 3, "column": "dueDate", "reason": "is no day like 2026-11-24"}]);
    assert_eq!(tried, Ok(json!({"created": 2, "refused": 1, "errors": errors})));
    assert_eq!(service.counts().await, (0, 0));
}

#[tokio::test]
async fn thousands_of_lines_keep_their_order_and_each_is_a_change() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let lines = (1..=3500).map(|number| format!("{number}\n")).collect::<Vec<_>>().concat();
    assert_eq!(service.import(&list, format!("phoneNumber\n{lines}")).await, Ok(json!({"imported": 3500})));
    let open = service.open(&list).await;
    let numbers = open.iter().map(|request| text(request, "phoneNumber").parse::<i32>().unwrap());
    assert!(numbers.eq(1..=3500));
    assert_eq!(service.counts().await, (3500, 3500));
}

#[tokio::test]
async fn an_import_that_is_repeated_under_its_key_is_answered_as_the_first_time() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let ask = async |file: &str| {
        let request = json!({"list_uuid": list, "options": {"dry_run": false}});
        service.upload::<ImportCallbackRequests>(keyed("k"), request, content(file)).await
    };
    assert_eq!(ask("phoneNumber\n1\n").await, Ok(json!({"imported": 1})));
    assert_eq!(ask("phoneNumber\n1\n").await, Ok(json!({"imported": 1})));
    let reused =
        fault(Status::Unprocessable, "UnprocessableEntity", "the Idempotency-Key was used for another request");
    assert_eq!(ask("phoneNumber\n2\n").await, Err(reused));
    assert_eq!(service.counts().await, (1, 1));
}

#[tokio::test]
async fn a_repeated_import_is_answered_as_the_first_time_also_where_it_would_be_refused_by_now() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let ask = async |content: Upload| {
        let request = json!({"list_uuid": list, "options": {"dry_run": false}});
        service.upload::<ImportCallbackRequests>(keyed("k"), request, content).await
    };
    let file = b"phoneNumber\n1\n";
    assert_eq!(ask(content(file)).await, Ok(json!({"imported": 1})));
    service.ask::<DeleteCallbackList>(json!({"uuid": list})).await.unwrap();
    assert_eq!(ask(content(file)).await, Ok(json!({"imported": 1})));
    let reused =
        fault(Status::Unprocessable, "UnprocessableEntity", "the Idempotency-Key was used for another request");
    assert_eq!(ask(content(b"phoneNumber\n2\n")).await, Err(reused));
    // Whether this is the same file, nobody can say.
    let broken_off = Fault::new(Status::RequestTimeout, "the content did not come to its end");
    let half = stream::iter([Ok(Bytes::from_static(file)), Err(broken_off)]).boxed();
    assert_eq!(ask(half).await, Err(not_found(&format!("Callback list {list} not found"))));
}

#[tokio::test]
async fn a_content_that_breaks_off_leaves_nothing() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    let broken_off = Fault::new(Status::RequestTimeout, "the content did not come to its end");
    let file = Bytes::from(format!("phoneNumber\n{}", "1\n".repeat(1500)));
    let content = stream::iter([Ok(file), Err(broken_off.clone())]).boxed();
    let request = json!({"list_uuid": list, "options": {"dry_run": false, "import": ID}});
    assert_eq!(service.upload::<ImportCallbackRequests>(keyed("k"), request, content).await, Err(broken_off.clone()));
    assert_eq!(service.counts().await, (0, 0));
    assert_eq!(service.progress(ID).await.unwrap()["message"], broken_off.message);
}

#[tokio::test]
async fn a_list_that_there_is_not_or_whose_queue_was_deleted_takes_no_file() {
    let service = Service::start().await;
    let list = service.list("l", 3).await;
    let unknown = not_found(&format!("Callback list {NOBODY} not found"));
    assert_eq!(service.import(NOBODY, "phoneNumber\n1\n").await, Err(unknown));
    service.run("DELETE FROM known_queue WHERE id = 3").await;
    let refused = conflict(&format!("Callback list {list} takes no requests any more: queue 3 was deleted"));
    assert_eq!(service.import(&list, "phoneNumber\n1\n").await, Err(refused));
    assert_eq!(service.counts().await, (0, 0));
}

use configmgt_contract::lint::{Finding, ListFindings};
use serde_json::{Value, json};

use crate::{Service, text};

impl Service {
    async fn findings(&self) -> Vec<Finding> {
        let listed = self.ask::<ListFindings>(json!({})).await.unwrap();
        serde_json::from_value(listed).unwrap()
    }

    async fn due(&self, list: &str, request: Value) -> String {
        let mut request = request;
        request["dueDate"] = json!("9999-12-31");
        text(&self.create(list, request).await.unwrap(), "uuid")
    }
}

fn finding(object_type: &str, object_id: &str, reason: &str, remedy: &str) -> Finding {
    let [object_type, object_id, reason, remedy] = [object_type, object_id, reason, remedy].map(str::to_owned);
    Finding { object_type, object_id, reason, remedy }
}

fn twice(request: &str, other: &str) -> Finding {
    let reason = format!(
        "the callback request has the number of another open one of its list, {other}: the customer is called twice"
    );
    let remedy = format!("cloture one of them: POST 1.0/callback_requests/{request}/cloture");
    finding("callback_request", request, &reason, &remedy)
}

#[tokio::test]
async fn callbacks_that_are_in_order_have_no_findings() {
    let service = Service::start().await;
    let (list, other) = (service.list("l", 1).await, service.list("o", 1).await);
    let first = service.due(&list, json!({"phoneNumber": "1", "mobilePhoneNumber": "1"})).await;
    service.due(&other, json!({"phoneNumber": "1"})).await;
    service.cloture(&first).await.unwrap();
    service.due(&list, json!({"mobilePhoneNumber": "1"})).await;
    assert_eq!(service.findings().await, []);
}

#[tokio::test]
async fn lists_of_deleted_queues_numbers_that_are_called_twice_and_what_is_overdue_are_found() {
    let service = Service::start().await;
    let (list, orphan) = (service.list("l", 1).await, service.list("orphan", 3).await);
    service.run("DELETE FROM known_queue WHERE id = 3").await;
    let first = service.due(&list, json!({"phoneNumber": "02\u{a0}3\u{202f}0"})).await;
    let second = service.due(&list, json!({"phoneNumber": "7", "mobilePhoneNumber": "0230"})).await;
    let third = service.due(&list, json!({"phoneNumber": "7"})).await;
    let late = service.create(&list, json!({"phoneNumber": "9", "dueDate": "2017-09-27"})).await.unwrap();
    let late = text(&late, "uuid");
    let expected = [
        finding(
            "callback_list",
            &orphan,
            "the queue 3 of the callback list 'orphan' was deleted: it takes no requests any more",
            &format!("call its open requests back, and delete the list: DELETE 1.0/callback_lists/{orphan}"),
        ),
        finding(
            "callback_request",
            &late,
            "the callback request was due on 2017-09-27 and is still open",
            &format!("call back, or reschedule it: POST 1.0/callback_requests/{late}/reschedule"),
        ),
        twice(&second, &first),
        twice(&third, &second),
    ];
    assert_eq!(service.findings().await, expected);
    service.cloture(&second).await.unwrap();
    service.cloture(&late).await.unwrap();
    assert_eq!(service.findings().await, expected[..1]);
}

#[tokio::test]
async fn findings_are_found_however_many_they_are() {
    let service = Service::start().await;
    let list = service.list("l", 1).await;
    // Twice a batch and one more of each: of numbers that two have, and of one that all have.
    service
        .run(&format!(
            "INSERT INTO callback_request (uuid, list_uuid, queue_id, phone_number, mobile_phone_number, due_date, period_uuid)
             SELECT uuid7(now()), '{list}', 1, 10000 + (i + 1) / 2, '7', '2017-09-27', uuid
             FROM preferred_callback_period, generate_series(1, 4002) i"
        ))
        .await;
    let findings = service.findings().await;
    let saying = |reason: &str| findings.iter().filter(|finding| finding.reason.contains(reason)).count();
    assert_eq!((saying("was due"), saying("called twice"), findings.len()), (4002, 2001 + 4001, 10_004));
}

#[tokio::test]
async fn whoever_shares_a_number_with_an_older_open_request_of_the_list_is_found_and_nobody_else() {
    let service = Service::start().await;
    let lists = [service.list("l", 1).await, service.list("o", 1).await];
    // Numbers of each form meet numbers of each form, in two lists and among open and clotured ones.
    service
        .run(&format!(
            "SELECT setseed(0.5);
             INSERT INTO callback_request (uuid, list_uuid, queue_id, phone_number, mobile_phone_number, due_date, period_uuid, clotured)
             SELECT uuid7(now()), (ARRAY['{}', '{}']::uuid[])[1 + i % 2], 1,
                    CASE WHEN i % 5 > 0 THEN concat('0', (ARRAY['', ' ', '.'])[1 + i % 3], floor(300 * random())) END,
                    CASE WHEN i % 5 < 2 THEN concat(0, floor(300 * random())) END, '9999-12-31', uuid, i % 7 = 0
             FROM preferred_callback_period, generate_series(1, 500) i",
            lists[0], lists[1]
        ))
        .await;
    let expected: Vec<String> = sqlx::query_scalar(
        "SELECT r.uuid::text FROM callbacks.callback_request r WHERE NOT r.clotured AND EXISTS (
             SELECT FROM callbacks.callback_request o
             WHERE o.list_uuid = r.list_uuid AND NOT o.clotured AND o.uuid < r.uuid
               AND ARRAY[translate(o.phone_number, ' .', ''), o.mobile_phone_number]
                   && ARRAY[translate(r.phone_number, ' .', ''), r.mobile_phone_number])
         ORDER BY r.uuid",
    )
    .fetch_all(&service.owner)
    .await
    .unwrap();
    let mut found: Vec<_> = service.findings().await.into_iter().map(|finding| finding.object_id).collect();
    found.sort_unstable();
    found.dedup();
    assert!((100..400).contains(&expected.len()), "{}", expected.len());
    assert_eq!(found, expected);
}

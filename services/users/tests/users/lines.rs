use std::collections::HashSet;

use configmgt_contract::{
    Fault, Status,
    lines::{CreateLine, DeleteLine, GetLine, UpdateLine},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, fault};

impl Service {
    async fn create_line(&self, user: i32, line: Value) -> Result<Value, Fault> {
        self.ask::<CreateLine>(json!({"user_id": user, "line": line})).await
    }

    async fn update_line(&self, user: i32, line: Value) -> Result<Value, Fault> {
        self.ask::<UpdateLine>(json!({"user_id": user, "line": line})).await
    }

    async fn line(&self, user: i32) -> Result<Value, Fault> {
        self.ask::<GetLine>(json!({"user_id": user})).await
    }
}

fn line(line_type: &str, extension: &str) -> Value {
    json!({"lineType": line_type, "context": "default", "extension": extension})
}

fn no_line(doing: &str, user: i32) -> Fault {
    fault(Status::NotFound, "LineNotFound", &format!("Unable to {doing} line for user Id {user}"))
}

fn refused(doing: &str, user: i32, reason: &str) -> Fault {
    fault(Status::NotFound, "LineNotFound", &format!("Unable to {doing} line for user Id {user}: {reason}"))
}

/// Whether the server may have drawn this name and this code.
pub(crate) fn is_drawn(line: &Value) -> bool {
    let name = line["name"].as_str().unwrap();
    let code = line["provisioningId"].as_u64().unwrap().to_string();
    name.len() == 8
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && code.len() == 6
        && code.bytes().all(|byte| (b'1'..=b'8').contains(&byte))
}

#[tokio::test]
async fn a_line_is_created_read_changed_and_deleted() {
    let service = Service::with_users(1).await;
    let wanted = json!({"lineType": "phone", "context": "default", "extension": "1000", "site": "default",
                        "device": "3b1c9f", "lineNum": 2});
    let created = service.create_line(1, wanted).await.unwrap();
    assert!(is_drawn(&created), "{created}");
    let (name, code) = (&created["name"], &created["provisioningId"]);
    let whole = json!({"id": 1, "lineType": "phone", "context": "default", "extension": "1000", "site": "default",
                       "name": name, "lineNum": 2, "provisioningId": code, "device": "3b1c9f"});
    assert_eq!(created, whole);
    assert_eq!(service.line(1).await, Ok(whole));
    let changed = json!({"id": 1, "lineType": "ua", "context": "default", "extension": "*55#", "site": "default",
                         "name": name, "lineNum": 1, "provisioningId": code});
    assert_eq!(service.update_line(1, line("ua", "*55#")).await, Ok(changed.clone()));
    assert_eq!(service.line(1).await, Ok(changed));
    assert_eq!(service.ask::<DeleteLine>(json!({"user_id": 1})).await, Ok(Value::Null));
    assert_eq!(service.line(1).await, Err(no_line("get", 1)));
}

#[tokio::test]
async fn only_sip_lines_have_a_code_and_the_name_of_others_follows_from_their_extension() {
    let service = Service::with_users(5).await;
    for (user, line_type) in [(1, "phone"), (2, "webrtc"), (3, "ua")] {
        let created = service.create_line(user, line(line_type, &format!("100{user}"))).await.unwrap();
        assert!(is_drawn(&created), "{created}");
    }
    let sccp = json!({"id": 4, "lineType": "sccp", "context": "default", "extension": "1004", "site": "default",
                      "name": "1004", "lineNum": 1});
    let custom = json!({"id": 5, "lineType": "custom", "context": "default", "extension": "1005", "site": "default",
                        "name": "Local/1005@default", "lineNum": 1});
    assert_eq!(service.create_line(4, line("sccp", "1004")).await, Ok(sccp));
    assert_eq!(service.create_line(5, line("custom", "1005")).await, Ok(custom));
    assert_eq!(service.update_line(4, line("sccp", "2004")).await.unwrap()["name"], "2004");
    assert_eq!(service.update_line(5, line("custom", "2005")).await.unwrap()["name"], "Local/2005@default");
}

#[tokio::test]
async fn a_line_becomes_no_sccp_and_no_custom_one_and_none_of_these_becomes_another() {
    let service = Service::with_users(3).await;
    for (user, line_type) in [(1, "phone"), (2, "sccp"), (3, "custom")] {
        let created = service.create_line(user, line(line_type, &format!("100{user}"))).await.unwrap();
        for other in ["phone", "webrtc", "ua", "sccp", "custom"] {
            if other == line_type || (user == 1 && ["webrtc", "ua"].contains(&other)) {
                continue;
            }
            let reason =
                format!("a line of type {line_type} cannot become one of type {other}: delete it and create another");
            assert_eq!(service.update_line(user, line(other, "2000")).await, Err(refused("update", user, &reason)));
            assert_eq!(service.line(user).await, Ok(created.clone()));
        }
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_there_is_not_found_in_the_words_of_the_operation() {
    let service = Service::with_users(2).await;
    let created = service.create_line(1, line("phone", "1000")).await.unwrap();
    // The extension is taken, too, and there is no such context: who has a line is told so, whichever constraint is looked at first.
    let nowhere = json!({"lineType": "phone", "context": "nowhere", "extension": "1000"});
    for _ in 0..2 {
        assert_eq!(service.create_line(1, line("phone", "1000")).await, Err(no_line("create", 1)));
        assert_eq!(service.create_line(1, nowhere.clone()).await, Err(no_line("create", 1)));
        // As after a dump that was restored: the index that was first is the last one.
        let again =
            "ALTER TABLE line DROP CONSTRAINT line_user_id_key, ADD CONSTRAINT line_user_id_key UNIQUE (user_id)";
        service.run(again).await;
    }
    assert_eq!(service.create_line(9, line("phone", "1000")).await, Err(no_line("create", 9)));
    for user in [2, 9] {
        assert_eq!(service.line(user).await, Err(no_line("get", user)));
        assert_eq!(service.update_line(user, line("phone", "1000")).await, Err(no_line("update", user)));
        let deleted = service.ask::<DeleteLine>(json!({"user_id": user})).await;
        assert_eq!(deleted, Err(no_line("delete", user)));
    }
    assert_eq!(service.line(1).await, Ok(created));
}

#[tokio::test]
async fn an_extension_is_taken_in_its_context_only() {
    let service = Service::with_users(3).await;
    service.run("INSERT INTO context VALUES ('inside', 'Inside')").await;
    service.create_line(1, line("phone", "1000")).await.unwrap();
    let taken = "extension 1000 is taken in context default";
    assert_eq!(service.create_line(2, line("sccp", "1000")).await, Err(refused("create", 2, taken)));
    assert_eq!(service.line(2).await, Err(no_line("get", 2)));
    let inside = json!({"lineType": "sccp", "context": "inside", "extension": "1000"});
    let created = service.create_line(2, inside).await.unwrap();
    assert_eq!(service.update_line(2, line("sccp", "1000")).await, Err(refused("update", 2, taken)));
    assert_eq!(service.line(2).await, Ok(created));
}

#[tokio::test]
async fn a_context_or_a_site_that_does_not_exist_is_refused_and_nothing_changes() {
    let service = Service::with_users(2).await;
    let created = service.create_line(1, line("phone", "1000")).await.unwrap();
    let context = json!({"lineType": "phone", "context": "nowhere", "extension": "1001"});
    let site = json!({"lineType": "phone", "context": "default", "extension": "1001", "site": "mds9"});
    for (wanted, message) in [(context, "context nowhere does not exist"), (site, "site mds9 does not exist")] {
        assert_eq!(service.create_line(2, wanted.clone()).await, Err(refused("create", 2, message)));
        assert_eq!(service.line(2).await, Err(no_line("get", 2)));
        assert_eq!(service.update_line(1, wanted).await, Err(refused("update", 1, message)));
        assert_eq!(service.line(1).await, Ok(created.clone()));
    }
}

#[tokio::test]
async fn values_that_no_line_can_have_are_refused_by_field() {
    let service = Service::with_users(1).await;
    let with = |field: &str, value: Value| {
        let mut line = line("phone", "1000");
        line[field] = value;
        line
    };
    let extension = "extension is not 1 to 40 of the digits, * and #";
    let device = "device is not 1 to 32 of a to z and the digits";
    let line_num = "lineNum is no whole number from 1 to 64";
    for (line, message) in [
        (with("extension", json!("")), extension),
        (with("extension", json!("10 00")), extension),
        (with("extension", json!("+1000")), extension),
        (with("extension", json!("١٠٠٠")), extension),
        (with("extension", json!("1".repeat(41))), extension),
        (with("device", json!("3B1C")), device),
        (with("device", json!("a".repeat(33))), device),
        (with("lineNum", json!(0)), line_num),
        (with("lineNum", json!(65)), line_num),
        (with("lineNum", json!(i64::MAX)), line_num),
        (with("context", json!("")), "context must not be empty"),
        (with("context", json!("a\0b")), "context contains a control character"),
        (with("context", json!("é".repeat(129))), "context has more than 128 characters"),
        (with("site", json!("a\nb")), "site contains a control character"),
    ] {
        assert_eq!(service.create_line(1, line.clone()).await, Err(bad_request(message)), "{line}");
    }
    let mut longest = with("extension", json!("1".repeat(40)));
    longest["device"] = json!("z".repeat(32));
    longest["lineNum"] = json!(64.0);
    assert_eq!(service.create_line(1, longest).await.unwrap()["lineNum"], 64);
}

#[tokio::test]
async fn what_a_form_leaves_blank_and_the_slot_of_a_softphone_count_as_left_out() {
    let service = Service::with_users(2).await;
    for (user, line_type, line_num) in [(1, "phone", json!(null)), (2, "webrtc", json!(0))] {
        let extension = format!("100{user}");
        let sent = json!({"lineType": line_type, "context": "default", "extension": extension, "site": "", "device": " ",
                          "lineNum": line_num});
        let created = service.create_line(user, sent.clone()).await.unwrap();
        let whole = json!({"id": user, "lineType": line_type, "context": "default", "extension": extension,
                           "site": "default", "name": created["name"], "lineNum": 1,
                           "provisioningId": created["provisioningId"]});
        assert_eq!(created, whole);
        assert_eq!(service.update_line(user, sent).await, Ok(whole));
    }
}

#[tokio::test]
async fn of_twelve_creations_of_a_line_for_one_user_one_wins() {
    let service = Service::with_users(1).await;
    let creations = (0..12).map(|number| service.create_line(1, line("phone", &format!("10{number}"))));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert_eq!(lost, vec![Err(no_line("create", 1)); 11]);
    assert_eq!(service.line(1).await, won[0]);
}

#[tokio::test]
async fn of_eight_users_who_want_one_extension_one_gets_it() {
    let service = Service::with_users(8).await;
    let creations = join_all((1..=8).map(|user| service.create_line(user, line("webrtc", "1000")))).await;
    let (won, lost): (Vec<_>, Vec<_>) = (1..).zip(creations).partition(|(_, created)| created.is_ok());
    assert_eq!(won.len(), 1);
    for (user, created) in lost {
        assert_eq!(created, Err(refused("create", user, "extension 1000 is taken in context default")));
    }
}

#[tokio::test]
async fn the_last_free_codes_go_to_those_who_ask_at_the_same_moment_each_to_one() {
    let service = Service::with_users(9).await;
    // Every code but these eight is in use by lines of users who are not there.
    service
        .run(
            "SET session_replication_role = replica;
             INSERT INTO line (user_id, line_type, context, extension, site, name, line_num, provisioning_id)
             SELECT 1000 + code, 'phone', 'elsewhere', code, 'default', 'n' || code, 1, code
             FROM generate_series(111111, 888888) code
             WHERE code::text ~ '^[1-8]{6}$' AND code NOT BETWEEN 333331 AND 333338",
        )
        .await;
    let creations = (1..=8).map(|user| service.create_line(user, line("phone", &format!("100{user}"))));
    let codes: HashSet<u64> = join_all(creations)
        .await
        .into_iter()
        .map(|created| created.unwrap()["provisioningId"].as_u64().unwrap())
        .collect();
    assert_eq!(codes, (333_331..=333_338).collect());
    let nothing = fault(Status::Unavailable, "ServiceUnavailable", "No provisioning code is free");
    assert_eq!(service.create_line(9, line("phone", "1009")).await, Err(nothing));
    assert_eq!(service.line(9).await, Err(no_line("get", 9)));
    service.create_line(9, line("sccp", "1009")).await.unwrap();
}

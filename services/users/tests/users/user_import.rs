use bytes::Bytes;
use configmgt_contract::{
    Fault, Status, lines::GetLine, user_import::ImportUsers, users::GetUser, validation::ValidateUser,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{Service, bad_csv, call, content, fault, keyed, lines::is_drawn};

const ID: &str = "019ab5c2-1f3e-7c4a-9d21-5b8e0f6a7c11";

impl Service {
    async fn import(&self, file: &str) -> Result<Value, Fault> {
        self.upload::<ImportUsers>(call(), json!({"dry_run": false, "import": ID}), content(file)).await
    }

    async fn try_out(&self, file: &str) -> Result<Value, Fault> {
        self.upload::<ImportUsers>(call(), json!({"dry_run": true}), content(file)).await
    }

    /// Users, lines, and changes waiting to be published.
    async fn counts(&self) -> (i64, i64, i64) {
        let counts = "SELECT (SELECT count(*) FROM users.users), (SELECT count(*) FROM users.line),
                             (SELECT count(*) FROM users.journal WHERE object_type IN ('user', 'line'))";
        sqlx::query_as(counts).fetch_one(&self.owner).await.unwrap()
    }
}

#[tokio::test]
async fn users_are_imported_with_all_that_a_line_says_of_them() {
    let service = Service::start().await.with_catalogues().await;
    let file = "\u{feff}login|firstname|lastname|password|email|mobilePhoneNumber|externalPhoneNumber|entity|labels|lineType\
                |extension|context|site|lineNum|device\r\n\
                jbond|James|O'Bond|doe|j@b.uk|06|02|test|red, blue,red|phone|1007|internal|mds1|2|3b1c9f\r\n\
                |\"M\"||||||||sccp|1000|default||| \r\n\
                |Q||||||||||||| ";
    assert_eq!(service.import(file).await, Ok(json!({"imported": 3})));
    let bond = json!({"id": 1, "firstname": "James", "lastname": "O'Bond", "login": "jbond", "email": "j@b.uk",
                      "mobilePhoneNumber": "06", "externalPhoneNumber": "02", "entity": "test", "labels": ["red", "blue"]});
    assert_eq!(service.ask::<GetUser>(json!({"id": 1})).await, Ok(bond));
    let m = json!({"id": 2, "firstname": "\"M\"", "lastname": "", "labels": []});
    assert_eq!(service.ask::<GetUser>(json!({"id": 2})).await, Ok(m));
    let line = service.ask::<GetLine>(json!({"user_id": 1})).await.unwrap();
    assert!(is_drawn(&line), "{line}");
    let whole = json!({"id": 1, "lineType": "phone", "context": "internal", "extension": "1007", "site": "mds1", "lineNum": 2,
                       "name": line["name"], "provisioningId": line["provisioningId"], "device": "3b1c9f"});
    assert_eq!(line, whole);
    let sccp = json!({"id": 2, "lineType": "sccp", "context": "default", "extension": "1000", "site": "default", "lineNum": 1,
                      "name": "1000"});
    assert_eq!(service.ask::<GetLine>(json!({"user_id": 2})).await, Ok(sccp));
    assert_eq!(service.ask::<GetLine>(json!({"user_id": 3})).await.unwrap_err().status, Status::NotFound);
    let right = service.ask::<ValidateUser>(json!({"username": "jbond", "password": "doe"})).await;
    assert_eq!(right, Ok(Value::Null));
    assert_eq!(service.counts().await, (3, 2, 5));
    let done = json!({"id": ID, "kind": "users", "state": "done", "rowsRead": 3, "imported": 3});
    assert_eq!(service.progress(ID).await, Ok(done));
}

#[tokio::test]
async fn the_slot_of_an_imported_softphone_means_nothing() {
    let service = Service::start().await.with_catalogues().await;
    let file = "firstname|lineType|extension|context|lineNum\nA|webrtc|1000|default|0\n";
    assert_eq!(service.import(file).await, Ok(json!({"imported": 1})));
    assert_eq!(service.ask::<GetLine>(json!({"user_id": 1})).await.unwrap()["lineNum"], 1);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_file_is_said_with_its_line_and_column_and_nothing_is_stored() {
    let service = Service::with_users(1).await.with_catalogues().await;
    let long = "x".repeat(129);
    let file = format!(
        "firstname|login|email|entity|labels|lineType|extension|context|site|lineNum|device\n\
         A|a|a@a|||phone|1000|internal|||\n\
         |b|||||||||\n\
         {long}|c|||||||||\n\
         D|user1||||||||| \n\
         E|a|a@a|||sccp|1000|internal|||\n\
         F||||||||mds1||\n\
         G|||||phone|||||\n\
         H|||||fax|12a|internal||65|ABC\n\
         I|||nobody|red,pink|phone|1001|nowhere|moon||\n\
         J|||\n"
    );
    let message = "line 3, firstname: must not be empty; \
                   line 4, firstname: has more than 128 characters; \
                   line 5, login: 'user1' is taken, by another line or before; \
                   line 6, login: 'a' is taken, by another line or before; \
                   line 6, email: 'a@a' is taken, by another line or before; \
                   line 6, extension: '1000' is taken, by another line or before; \
                   line 7, site: there is no line without lineType, extension and context; \
                   line 8, extension: a line needs it; line 8, context: a line needs it; \
                   line 9, lineType: is none of phone, webrtc, ua, sccp, custom; \
                   line 9, extension: is not 1 to 40 of the digits, * and #; \
                   line 9, lineNum: is no whole number from 1 to 64; \
                   line 9, device: is not 1 to 32 of a to z and the digits; \
                   line 10, entity: there is no entity 'nobody'; \
                   line 10, labels: there is no label 'pink'; \
                   line 10, context: there is no context 'nowhere'; \
                   line 10, site: there is no media server 'moon'; \
                   line 11: fields in this line: 4, in the header: 11";
    let before = service.counts().await;
    assert_eq!(service.import(&file).await, Err(bad_csv(message)));
    assert_eq!(service.counts().await, before);
    let failed = json!({"id": ID, "kind": "users", "state": "failed", "rowsRead": 0, "message": message});
    assert_eq!(service.progress(ID).await, Ok(failed));

    let tried = service.try_out(&file).await.unwrap();
    assert_eq!((&tried["created"], &tried["refused"]), (&json!(1), &json!(9)));
    assert_eq!(tried["errors"].as_array().unwrap().len(), 18);
    assert_eq!(tried["errors"][0], json!({"line": 3, "column": "firstname", "reason": "must not be empty"}));
    assert_eq!(tried["errors"][17], json!({"line": 11, "reason": "fields in this line: 4, in the header: 11"}));
    assert_eq!(service.counts().await, before);
}

#[tokio::test]
async fn a_file_without_a_header_that_can_be_understood_is_refused_dry_or_not() {
    let service = Service::start().await;
    for (file, message) in [
        ("", "line 1: there is no header line"),
        ("lastname\nDoe\n", "line 1, firstname: the column is missing"),
        ("firstname|colour\nJohn|red\n", "line 1: 'colour': no such column"),
    ] {
        assert_eq!(service.import(file).await, Err(bad_csv(message)));
        assert_eq!(service.try_out(file).await, Err(bad_csv(message)));
    }
    assert_eq!(service.import("firstname\n").await, Ok(json!({"imported": 0})));
}

#[tokio::test]
async fn what_a_line_repeats_is_found_however_far_back_it_is() {
    let service = Service::start().await;
    let lines = (1..=2500).map(|user| format!("U|user{user}|sccp|{user}|default\n"));
    let file = format!(
        "firstname|login|lineType|extension|context\n{}V|user3|sccp|7|default\n",
        lines.collect::<Vec<_>>().concat()
    );
    let message = "line 2502, login: 'user3' is taken, by another line or before; \
                   line 2502, extension: '7' is taken, by another line or before";
    assert_eq!(service.import(&file).await, Err(bad_csv(message)));
    assert_eq!(service.counts().await, (0, 0, 0));
}

#[tokio::test]
async fn a_dry_run_stores_nothing_and_tells_what_would_be() {
    let service = Service::start().await;
    let file = "firstname|password|lineType|extension|context\nA|secret|ua|1|default\nB||||\n";
    let tried = json!({"created": 2, "refused": 0, "errors": []});
    assert_eq!(service.try_out(file).await, Ok(tried));
    assert_eq!(service.counts().await, (0, 0, 0));
    assert_eq!(service.import(file).await, Ok(json!({"imported": 2})));
}

#[tokio::test]
async fn the_names_and_codes_of_many_lines_are_each_anothers() {
    let service = Service::start().await;
    let lines = (1..=3000).map(|user| format!("U|phone|{user}|default\n")).collect::<Vec<_>>().concat();
    let imported = service.import(&format!("firstname|lineType|extension|context\n{lines}")).await;
    assert_eq!(imported, Ok(json!({"imported": 3000})));
    let drawn: (i64, i64, i64) = sqlx::query_as(
        "SELECT count(DISTINCT name), count(DISTINCT provisioning_id), count(*) FILTER (WHERE user_id::text = extension)
         FROM users.line WHERE name ~ '^[a-z0-9]{8}$' AND provisioning_id::text ~ '^[1-8]{6}$'",
    )
    .fetch_one(&service.owner)
    .await
    .unwrap();
    assert_eq!(drawn, (3000, 3000, 3000));
}

#[tokio::test]
async fn an_import_that_is_repeated_under_its_key_is_answered_as_the_first_time() {
    let service = Service::start().await;
    let ask = async |key: &str, file: &str| {
        service.upload::<ImportUsers>(keyed(key), json!({"dry_run": false, "import": ID}), content(file)).await
    };
    let file = "firstname|login\nJohn|jdoe\n";
    assert_eq!(ask("k", file).await, Ok(json!({"imported": 1})));
    assert_eq!(ask("k", file).await, Ok(json!({"imported": 1})));
    let reused =
        fault(Status::Unprocessable, "UnprocessableEntity", "the Idempotency-Key was used for another request");
    assert_eq!(ask("k", "firstname|login\nJane|jdoe\n").await, Err(reused.clone()));
    assert_eq!(ask("k", "firstname|login\nJane|jane\n").await, Err(reused));
    assert_eq!(service.counts().await, (1, 0, 1));
    let done = json!({"id": ID, "kind": "users", "state": "done", "rowsRead": 1, "imported": 1});
    assert_eq!(service.progress(ID).await, Ok(done));
}

#[tokio::test]
async fn one_import_runs_at_a_time() {
    let service = Service::start().await;
    let (begun, has_begun) = oneshot::channel();
    let (file, sent) = oneshot::channel();
    let content_of_first = stream::once(async move {
        begun.send(()).unwrap();
        Ok(Bytes::from_static(sent.await.unwrap()))
    });
    let request = || json!({"dry_run": false});
    let first = service.upload::<ImportUsers>(call(), request(), content_of_first.boxed());
    let second = async {
        has_begun.await.unwrap();
        let refused = service.upload::<ImportUsers>(call(), request(), content("firstname\nJane\n")).await;
        file.send(b"firstname\nJohn\n").unwrap();
        refused
    };
    let under_way = fault(Status::Conflict, "Conflict", "another import of users is under way");
    assert_eq!(tokio::join!(first, second), (Ok(json!({"imported": 1})), Err(under_way)));
    assert_eq!(service.import("firstname\nJane\n").await, Ok(json!({"imported": 1})));
}

#[tokio::test]
async fn a_repeated_import_is_answered_as_the_first_time_also_while_another_is_under_way() {
    let service = Service::start().await;
    let earlier = || service.upload::<ImportUsers>(keyed("k"), json!({"dry_run": false}), content("firstname\nJane\n"));
    assert_eq!(earlier().await, Ok(json!({"imported": 1})));
    let (begun, has_begun) = oneshot::channel();
    let (file, sent) = oneshot::channel();
    let content_of_other = stream::once(async move {
        begun.send(()).unwrap();
        Ok(Bytes::from_static(sent.await.unwrap()))
    });
    let other = service.upload::<ImportUsers>(call(), json!({"dry_run": false}), content_of_other.boxed());
    let repeated = async {
        has_begun.await.unwrap();
        let answer = earlier().await;
        file.send(b"firstname\nJohn\n").unwrap();
        answer
    };
    assert_eq!(tokio::join!(other, repeated), (Ok(json!({"imported": 1})), Ok(json!({"imported": 1}))));
}

#[tokio::test]
async fn a_content_that_breaks_off_leaves_nothing() {
    let service = Service::start().await;
    let broken_off = Fault::new(Status::RequestTimeout, "the content did not come to its end");
    let lines = (1..=1500).map(|user| format!("U|user{user}\n")).collect::<Vec<_>>().concat();
    let file = Bytes::from(format!("firstname|login\n{lines}"));
    let content = stream::iter([Ok(file), Err(broken_off.clone())]).boxed();
    let request = json!({"dry_run": false, "import": ID});
    assert_eq!(service.upload::<ImportUsers>(keyed("k"), request, content).await, Err(broken_off.clone()));
    assert_eq!(service.counts().await, (0, 0, 0));
    let failed = json!({"id": ID, "kind": "users", "state": "failed", "rowsRead": 0, "message": broken_off.message});
    assert_eq!(service.progress(ID).await, Ok(failed));
}

#[tokio::test]
async fn an_import_is_known_for_a_day_and_one_that_is_not_heard_of_has_failed() {
    let service = Service::start().await;
    let unknown = fault(Status::NotFound, "ImportNotFound", &format!("Import {ID} not found"));
    assert_eq!(service.progress(ID).await, Err(unknown.clone()));
    let heard = |ago: &str| {
        format!(
            "INSERT INTO import (id, kind, state, rows_read, updated_at)
             VALUES ('{ID}', 'users', 'running', 7000, now() - interval '{ago}')
             ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at"
        )
    };
    service.run(&heard("1 second")).await;
    let running = json!({"id": ID, "kind": "users", "state": "running", "rowsRead": 7000});
    assert_eq!(service.progress(ID).await, Ok(running));
    service.run(&heard("2 minutes")).await;
    let lost = json!({"id": ID, "kind": "users", "state": "failed", "rowsRead": 7000,
                      "message": "the import was broken off"});
    assert_eq!(service.progress(ID).await, Ok(lost));
    service.run(&heard("25 hours")).await;
    assert_eq!(service.progress(ID).await, Err(unknown));
}

use configmgt_contract::{
    Fault, Operation, Status,
    catalogues::{
        CreateContext, CreateEntity, CreateLabel, CreateMediaserver, DeleteContext, DeleteEntity, DeleteLabel,
        DeleteMediaserver, ListContexts, ListEntities, ListLabels, ListMediaservers,
    },
    changes::RevertChange,
    users::{DeleteUser, PatchUser},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, bad_request, call, duplicate, fault, keyed};

fn conflict(message: &str) -> Fault {
    fault(Status::Conflict, "Conflict", message)
}

/// What holds for every catalogue: it has `there` from the start, and calls an entry `what`.
async fn a_catalogue<List: Operation, Create: Operation, Delete: Operation>(what: &str, table: &str, there: &[Value]) {
    let service = Service::start().await;
    let all = |entries: &[Value]| Ok(json!([there, entries].concat()));
    let (m, z) = (json!({"name": "m.1_A-", "displayName": "M"}), json!({"name": "z", "displayName": "z"}));

    let created = service.exchange::<Create>(z.clone(), keyed("z")).await.unwrap();
    assert_eq!((created.version, created.created.as_deref()), (Some(1), Some("z")));
    assert_eq!(service.exchange::<Create>(z.clone(), keyed("z")).await, Ok(created));
    for (name, left_out) in [("n", json!(null)), ("o", json!(" "))] {
        let plain = json!({"name": name, "displayName": left_out});
        assert_eq!(service.ask::<Create>(plain).await, Ok(json!({"name": name, "displayName": name})));
        assert_eq!(service.ask::<Delete>(json!({"name": name})).await, Ok(Value::Null));
    }
    assert_eq!(service.ask::<Create>(m.clone()).await, Ok(m.clone()));
    assert_eq!(service.ask::<Create>(m.clone()).await, Err(duplicate(&format!("{table}_pkey"))));
    assert_eq!(service.ask::<List>(json!({})).await, all(&[m, z.clone()]));

    let unknown = || Err(fault(Status::NotFound, "NotFoundError", &format!("{what} n not found")));
    assert_eq!(service.ask::<Delete>(json!({"name": "n"})).await, unknown());
    assert_eq!(service.ask::<Delete>(json!({"name": "m.1_A-"})).await, Ok(Value::Null));
    assert_eq!(service.ask::<List>(json!({})).await, all(&[z]));
}

#[tokio::test]
async fn entities_are_created_listed_and_deleted() {
    a_catalogue::<ListEntities, CreateEntity, DeleteEntity>("Entity", "entity", &[]).await;
}

#[tokio::test]
async fn media_servers_are_created_listed_and_deleted() {
    let main = json!({"name": "default", "displayName": "MDS Main"});
    a_catalogue::<ListMediaservers, CreateMediaserver, DeleteMediaserver>("Media server", "mediaserver", &[main]).await;
}

#[tokio::test]
async fn contexts_are_created_listed_and_deleted() {
    let first = json!({"name": "default", "displayName": "Default"});
    a_catalogue::<ListContexts, CreateContext, DeleteContext>("Context", "context", &[first]).await;
}

#[tokio::test]
async fn labels_are_created_listed_and_deleted() {
    a_catalogue::<ListLabels, CreateLabel, DeleteLabel>("Label", "label", &[]).await;
}

#[tokio::test]
async fn names_that_nobody_could_use_are_refused_and_nothing_is_stored() {
    let service = Service::start().await;
    let (longest, too_long) = ("n".repeat(128), "n".repeat(129));
    let characters = "name has characters other than letters, digits, _, . and -";
    for (name, display_name, message) in [
        ("", "A", "name must not be empty"),
        (too_long.as_str(), "A", "name has more than 128 characters"),
        ("a\0b", "A", "name contains a control character"),
        ("a b", "A", characters),
        ("a/b", "A", characters),
        ("é", "A", characters),
        (".", "A", "name cannot be ."),
        ("..", "A", "name cannot be .."),
        ("a", too_long.as_str(), "displayName has more than 128 characters"),
        ("a", "A\nB", "displayName contains a control character"),
    ] {
        let label = json!({"name": name, "displayName": display_name});
        assert_eq!(service.ask::<CreateLabel>(label).await, Err(bad_request(message)));
    }
    assert_eq!(service.ask::<ListLabels>(json!({})).await, Ok(json!([])));
    let label = json!({"name": longest, "displayName": "é".repeat(128)});
    assert_eq!(service.ask::<CreateLabel>(label.clone()).await, Ok(label));
}

#[tokio::test]
async fn a_name_that_no_entry_could_have_is_not_found() {
    let service = Service::start().await;
    let unknown = fault(Status::NotFound, "NotFoundError", "Label é's not found");
    assert_eq!(service.ask::<DeleteLabel>(json!({"name": "é's"})).await, Err(unknown));
}

#[tokio::test]
async fn what_is_in_use_is_kept_and_the_refusal_names_its_users() {
    let service = Service::start().await.with_catalogues().await;
    let user = json!({"firstname": "A", "entity": "test", "labels": ["red", "blue"]});
    service.create(user.clone()).await.unwrap();
    service.give_line(1, "1000").await;
    assert_eq!(
        service.ask::<DeleteEntity>(json!({"name": "test"})).await,
        Err(conflict("Entity test is in use by user 1"))
    );
    let media_server = service.ask::<DeleteMediaserver>(json!({"name": "mds1"})).await;
    assert_eq!(media_server, Err(conflict("Media server mds1 is in use by user 1")));
    let context = service.ask::<DeleteContext>(json!({"name": "internal"})).await;
    assert_eq!(context, Err(conflict("Context internal is in use by user 1")));
    assert_eq!(
        service.ask::<DeleteLabel>(json!({"name": "red"})).await,
        Err(conflict("Label red is in use by user 1"))
    );

    for _ in 2..=10 {
        service.create(user.clone()).await.unwrap();
    }
    let ten = conflict("Label red is in use by users 1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
    assert_eq!(service.ask::<DeleteLabel>(json!({"name": "red"})).await, Err(ten));
    service.create(user).await.unwrap();
    let more = conflict("Label red is in use by users 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others");
    assert_eq!(service.ask::<DeleteLabel>(json!({"name": "red"})).await, Err(more));

    for id in 1..=11 {
        service.ask::<DeleteUser>(json!({"id": id})).await.unwrap();
    }
    assert_eq!(service.ask::<DeleteEntity>(json!({"name": "test"})).await, Ok(Value::Null));
    assert_eq!(service.ask::<DeleteMediaserver>(json!({"name": "mds1"})).await, Ok(Value::Null));
    assert_eq!(service.ask::<DeleteContext>(json!({"name": "internal"})).await, Ok(Value::Null));
    assert_eq!(service.ask::<DeleteLabel>(json!({"name": "red"})).await, Ok(Value::Null));
}

#[tokio::test]
async fn the_main_media_server_stays() {
    let service = Service::start().await;
    let main = conflict("Media server default is the main one and cannot be deleted");
    assert_eq!(service.ask::<DeleteMediaserver>(json!({"name": "default"})).await, Err(main));
}

#[tokio::test]
async fn the_creation_of_a_label_in_use_cannot_be_taken_back() {
    let service = Service::start().await;
    service.ask::<CreateLabel>(json!({"name": "red"})).await.unwrap();
    let creation: String = sqlx::query_scalar("SELECT event_id::text FROM users.journal WHERE object_type = 'label'")
        .fetch_one(&service.owner)
        .await
        .unwrap();
    service.create(json!({"firstname": "A", "labels": ["red"]})).await.unwrap();
    let reverted = service.ask::<RevertChange>(json!({"event_id": creation})).await;
    let message = "the former state contradicts what is stored: the label 'red' is in use";
    assert_eq!(reverted, Err(conflict(message)));
}

#[tokio::test]
async fn a_label_that_is_deleted_while_users_are_given_it_is_deleted_or_given_and_never_both() {
    let service = Service::start().await;
    for round in 0..20 {
        let name = format!("label{round}");
        service.ask::<CreateLabel>(json!({"name": name})).await.unwrap();
        let user = service.create(json!({"firstname": "A"})).await.unwrap();
        let given = service.ask::<PatchUser>(json!({"id": user["id"], "patch": {"labels": [name]}}));
        let created = service.create(json!({"firstname": "B", "labels": [name]}));
        let deleted = service.exchange::<DeleteLabel>(json!({"name": name}), call());
        let (given, deleted, created) = tokio::join!(given, deleted, created);

        let there = service.ask::<ListLabels>(json!({})).await.unwrap().to_string().contains(&format!("\"{name}\""));
        assert_eq!(there, deleted.is_err(), "{deleted:?}");
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users.users WHERE labels @> ARRAY[$1]")
            .bind(&name)
            .fetch_one(&service.owner)
            .await
            .unwrap();
        let successes = [&given, &created].into_iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!((users > 0, usize::try_from(users)), (there, Ok(successes)), "{given:?} {created:?} {deleted:?}");
        for refused in [given, created].into_iter().filter_map(Result::err) {
            assert_eq!(refused, bad_request(&format!("labels: there is no label '{name}'")));
        }
    }
}

#[tokio::test]
async fn a_catalogue_longer_than_a_batch_is_whole_and_ordered_by_name() {
    let service = Service::start().await;
    service
        .run("INSERT INTO label (name, display_name) SELECT 'l' || lpad(i::text, 5, '0'), 'L' FROM generate_series(1, 4001) i ORDER BY random()")
        .await;
    let labels = service.ask::<ListLabels>(json!({})).await.unwrap();
    let names = labels.as_array().unwrap().iter().map(|label| label["name"].as_str().unwrap().to_owned());
    assert!(names.eq((1..=4001).map(|i| format!("l{i:05}"))));
}

#[tokio::test]
async fn of_twelve_creations_of_one_name_one_wins() {
    let service = Service::start().await;
    let creations = (0..12).map(|_| service.ask::<CreateEntity>(json!({"name": "one"})));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 11));
    assert!(lost.into_iter().all(|lost| lost == Err(duplicate("entity_pkey"))));
}

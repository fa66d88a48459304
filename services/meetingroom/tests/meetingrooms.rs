//! The rules and the SQL of meeting rooms, over a real database and as the service's own role.

use std::ops::Deref;

use configmgt_contract::{
    Fault, Status,
    changes::RevertChange,
    meetingrooms::{CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, UpdateRoom},
};
use configmgt_meetingroom::SERVICE;
use configmgt_testing::{Tested, Writes, fault};
use futures_util::future::join_all;
use serde_json::{Value, json};

struct Service(Tested);

impl Deref for Service {
    type Target = Tested;

    fn deref(&self) -> &Tested {
        &self.0
    }
}

impl Service {
    async fn start() -> Self {
        Self(Tested::start(&SERVICE).await)
    }

    async fn create(&self, room: Value) -> Result<Value, Fault> {
        self.ask::<CreateRoom>(room).await
    }
}

#[tokio::test]
async fn a_room_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    let room = json!({"id": 1, "name": "board", "displayName": "Board", "number": 1050, "userPin": 1234});
    let created =
        service.create(json!({"name": "board", "displayName": "Board", "number": "1050", "userPin": "1234"})).await;
    assert_eq!(created, Ok(room.clone()));
    assert_eq!(service.ask::<GetRoom>(json!({"id": 1})).await, Ok(room));
    let changed = json!({"id": 1, "name": "staff", "displayName": "Staff", "number": 1051, "userPin": "0001"});
    assert_eq!(service.ask::<UpdateRoom>(changed.clone()).await, Ok(changed.clone()));
    assert_eq!(service.ask::<ListRooms>(json!({})).await, Ok(json!([changed])));
    assert_eq!(service.ask::<DeleteRoom>(json!({"id": 1})).await, Ok(changed));
    assert_eq!(service.ask::<ListRooms>(json!({})).await, Ok(json!([])));
}

#[tokio::test]
async fn every_operation_that_writes_leaves_one_change_in_the_journal() {
    let service = Service::start().await;
    let mut writes = Writes::of(&service);
    let room = json!({"id": 1, "name": "a", "displayName": "A", "number": 1});
    let changed = json!({"id": 1, "name": "b", "displayName": "B", "number": 2});
    writes.leave::<CreateRoom>(room, "meetingroom 1 created").await;
    writes.leave::<UpdateRoom>(changed, "meetingroom 1 updated").await;
    let update = json!({"event_id": service.latest_event().await});
    writes.leave::<RevertChange>(update, "meetingroom 1 updated").await;
    writes.leave::<DeleteRoom>(json!({"id": 1}), "meetingroom 1 deleted").await;

    // A new operation that writes has to stand above, too.
    writes.are_all_but(&[]);
}

#[tokio::test]
async fn a_pin_that_is_left_out_of_an_update_is_removed() {
    let service = Service::start().await;
    service.create(json!({"name": "a", "displayName": "A", "number": 1, "userPin": 7})).await.unwrap();
    let without = json!({"id": 1, "name": "a", "displayName": "A", "number": 1});
    assert_eq!(service.ask::<UpdateRoom>(without.clone()).await, Ok(without.clone()));
    assert_eq!(service.ask::<GetRoom>(json!({"id": 1})).await, Ok(without.clone()));
    // As a form sends it that was not filled in.
    let blank = json!({"id": 1, "name": "a", "displayName": "A", "number": 1, "userPin": ""});
    assert_eq!(service.ask::<UpdateRoom>(blank).await, Ok(without));
}

#[tokio::test]
async fn an_unknown_room_is_not_found() {
    let service = Service::start().await;
    let unknown = fault(Status::NotFound, "NotFoundError", "Meeting room 9 not found");
    let room = json!({"id": 9, "name": "a", "displayName": "A", "number": 1});
    assert_eq!(service.ask::<GetRoom>(json!({"id": 9})).await, Err(unknown.clone()));
    assert_eq!(service.ask::<UpdateRoom>(room).await, Err(unknown.clone()));
    assert_eq!(service.ask::<DeleteRoom>(json!({"id": 9})).await, Err(unknown));
}

#[tokio::test]
async fn a_taken_name_or_number_is_a_duplicate_that_names_the_constraint() {
    let service = Service::start().await;
    service.create(json!({"name": "a", "displayName": "A", "number": 1})).await.unwrap();
    let b = service.create(json!({"name": "b", "displayName": "A", "number": 2})).await.unwrap();
    let duplicate = |constraint: &str| {
        let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
        Err(fault(Status::Invalid, "Duplicate", &message))
    };
    let same_name = json!({"id": 2, "name": "a", "displayName": "A", "number": 2});
    let same_number = json!({"id": 2, "name": "b", "displayName": "A", "number": 1});
    assert_eq!(
        service.create(json!({"name": "a", "displayName": "A", "number": 3})).await,
        duplicate("meetingroom_name_key")
    );
    assert_eq!(
        service.create(json!({"name": "c", "displayName": "A", "number": 1})).await,
        duplicate("meetingroom_number_key")
    );
    assert_eq!(service.ask::<UpdateRoom>(same_name).await, duplicate("meetingroom_name_key"));
    assert_eq!(service.ask::<UpdateRoom>(same_number).await, duplicate("meetingroom_number_key"));
    assert_eq!(service.ask::<GetRoom>(json!({"id": 2})).await, Ok(b));
}

#[tokio::test]
async fn names_that_nobody_could_use_are_refused_by_field_and_nothing_is_stored() {
    let service = Service::start().await;
    let (longest, too_long) = ("é".repeat(128), "é".repeat(129));
    let refused = [
        ("", "A", "name must not be empty"),
        (" \u{a0}", "A", "name must not be empty"),
        ("a", "", "displayName must not be empty"),
        (too_long.as_str(), "A", "name has more than 128 characters"),
        ("a", too_long.as_str(), "displayName has more than 128 characters"),
        ("a\0b", "A", "name contains a control character"),
        ("a", "A\nB", "displayName contains a control character"),
    ];
    for (name, display_name, message) in refused {
        let room = json!({"name": name, "displayName": display_name, "number": 1});
        assert_eq!(service.create(room).await, Err(fault(Status::Invalid, "BadRequest", message)));
    }
    assert_eq!(service.ask::<ListRooms>(json!({})).await, Ok(json!([])));
    service.create(json!({"name": longest, "displayName": longest, "number": 999_999_999_999_999_i64})).await.unwrap();
}

#[tokio::test]
async fn a_listing_longer_than_a_batch_is_whole_and_ordered_by_id() {
    let service = Service::start().await;
    for count in [1999, 2000, 2001, 4001] {
        sqlx::query("TRUNCATE meetingroom.meetingroom").execute(&service.owner).await.unwrap();
        sqlx::query(
            "INSERT INTO meetingroom.meetingroom (id, name, display_name, number)
             SELECT 3 * i, 'room' || i, 'Room', i FROM generate_series(1, $1) i ORDER BY random()",
        )
        .bind(count)
        .execute(&service.owner)
        .await
        .unwrap();
        let rooms = service.ask::<ListRooms>(json!({})).await.unwrap();
        let ids = rooms.as_array().unwrap().iter().map(|room| room["id"].as_i64().unwrap());
        assert!(ids.eq((1..=i64::from(count)).map(|i| 3 * i)), "{count}");
    }
}

#[tokio::test]
async fn of_twelve_creations_of_one_name_one_wins() {
    let service = Service::start().await;
    let creations =
        (1..=12).map(|number| service.create(json!({"name": "one", "displayName": "One", "number": number})));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(creations).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 11));
    assert!(lost.into_iter().all(|lost| lost.unwrap_err().code == "Duplicate"));
}

#[tokio::test]
async fn rooms_are_found_by_every_documented_field() {
    let service = Service::start().await;
    let a =
        service.create(json!({"name": "a", "displayName": "Alpha", "number": 1050, "userPin": "0042"})).await.unwrap();
    let b = service.create(json!({"name": "b", "displayName": "Beta", "number": 2050})).await.unwrap();
    let c = service.create(json!({"name": "c", "displayName": "Gamma", "number": 3, "userPin": 7})).await.unwrap();
    let found = async |filters: Value| service.ask::<FindRooms>(json!({"filters": filters})).await;
    let page = |rooms: &[&Value]| Ok(json!({"total": rooms.len(), "list": rooms}));
    assert_eq!(found(json!([{"field": "id", "operator": "=", "value": "1"}])).await, page(&[&a]));
    assert_eq!(found(json!([{"field": "name", "operator": "!=", "value": "a"}])).await, page(&[&b, &c]));
    assert_eq!(found(json!([{"field": "displayName", "operator": "iLike", "value": "%ET%"}])).await, page(&[&b]));
    assert_eq!(found(json!([{"field": "number", "operator": ">", "value": 1050}])).await, page(&[&b]));
    assert_eq!(found(json!([{"field": "number", "operator": "like", "value": "10%"}])).await, page(&[&a]));
    assert_eq!(found(json!([{"field": "userPin", "operator": "=", "value": "0042"}])).await, page(&[&a]));
    assert_eq!(found(json!([{"field": "userPin", "operator": "like", "value": "00%"}])).await, page(&[&a]));
    assert_eq!(found(json!([{"field": "userPin", "operator": ">", "value": 7}])).await, page(&[&a]));
    assert_eq!(found(json!([{"field": "userPin", "order": "ASC"}])).await, page(&[&c, &a, &b]));
    assert_eq!(found(json!([{"field": "userPin", "operator": "IS NULL"}])).await, page(&[&b]));
    assert_eq!(found(json!([{"field": "name", "order": "DESC"}])).await, page(&[&c, &b, &a]));
    assert_eq!(found(json!([])).await, page(&[&a, &b, &c]));
    let unknown = "'colour': no such field; the fields are id, name, displayName, number, userPin";
    let refused = found(json!([{"field": "colour", "operator": "=", "value": "red"}])).await;
    assert_eq!(refused, Err(fault(Status::Invalid, "BadRequest", unknown)));
    let beyond = service.ask::<FindRooms>(json!({"filters": [], "offset": 5})).await;
    assert_eq!(beyond, Ok(json!({"total": 3, "list": []})));
}

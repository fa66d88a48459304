//! Which request asks for which operation: the table of contents of the product.

use axum::routing::get;
use configmgt_contract::{
    changes::{GetChange, ListChanges, RevertChange},
    meetingrooms::{CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, UpdateRoom},
    validation::ValidateUser,
};

use crate::{
    changes, events,
    inputs::{Json, Path, Query},
    table::Table,
};

/// Every route, in the order of the documents.
pub fn routes() -> Table {
    Table::default()
        .section("Users", "/configmgt/api/2.0")
        .post("/user/validate", |Json(user): Json<ValidateUser>| user)
        .section("Meeting rooms", "/configmgt/api/2.0")
        .get("/meetingrooms", || ListRooms {})
        .post("/meetingrooms", |Json(room): Json<CreateRoom>| room)
        .put("/meetingrooms", |Json(room): Json<UpdateRoom>| room)
        .get("/meetingrooms/{id}", |Path(id)| GetRoom { id })
        .delete("/meetingrooms/{id}", |Path(id)| DeleteRoom { id })
        .post("/meetingrooms/find", |Json(find): Json<FindRooms>| find)
        .section("Changes", "/configmgt/api/2.0")
        .get_by("/changes", |Query(changes): Query<ListChanges>| changes, changes::list)
        .get_by("/changes/{eventId}", |Path(event_id)| GetChange { event_id }, changes::get)
        .post_by("/changes/{eventId}/revert", |Path(event_id)| RevertChange { event_id }, changes::revert)
        .feed("/events", &events::FEED, get(events::follow))
}

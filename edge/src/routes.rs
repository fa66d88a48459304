//! Which request asks for which operation: the table of contents of the product.

use configmgt_contract::meetingrooms::{CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, UpdateRoom};

use crate::{
    inputs::{Json, Path},
    table::Table,
};

/// Every route, in the order of the documents.
pub fn routes() -> Table {
    Table::default()
        .section("Meeting rooms", "/configmgt/api/2.0")
        .get("/meetingrooms", || ListRooms {})
        .post("/meetingrooms", |Json(room): Json<CreateRoom>| room)
        .put("/meetingrooms", |Json(room): Json<UpdateRoom>| room)
        .get("/meetingrooms/{id}", |Path(id)| GetRoom { id })
        .delete("/meetingrooms/{id}", |Path(id)| DeleteRoom { id })
        .post("/meetingrooms/find", |Json(find): Json<FindRooms>| find)
}

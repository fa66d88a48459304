//! The rules of meeting rooms.

use configmgt_contract::{
    Call, Failure, Outcome,
    meetingrooms::{
        CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, MeetingRoom, MeetingRooms, RoomFields, RoomRefusal,
        UpdateRoom,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing, sqlstate, text,
};

use crate::store::meetingrooms as store;

pub(crate) struct Rooms {
    journal: Journal,
    by_id: store::RoomLookup,
}

impl Rooms {
    pub(crate) fn new(journal: Journal) -> Self {
        let by_id = store::lookup(journal.connections());
        Self { journal, by_id }
    }
}

journaled!(Rooms);

impl MeetingRooms for Rooms {
    async fn get(&self, _: &Call, GetRoom { id }: GetRoom) -> Outcome<GetRoom> {
        self.by_id.get(id).await?.ok_or_else(|| not_found(id))
    }

    async fn list(&self, _: &Call, ListRooms {}: ListRooms) -> Outcome<ListRooms> {
        let connections = self.journal.connections().clone();
        Ok(listing::by_key(
            i32::MIN,
            |room: &MeetingRoom| room.id,
            move |after| store::above(connections.clone(), after),
        ))
    }

    async fn find(&self, _: &Call, FindRooms(find): FindRooms) -> Outcome<FindRooms> {
        let found = store::find(self.journal.connections(), &find).await;
        found.map_err(|error| error.refused(|reason| RoomRefusal::BadFilter { reason }))
    }

    async fn create(&self, change: &mut Change, CreateRoom(room): CreateRoom) -> Outcome<CreateRoom> {
        check(&room)?;
        store::insert(change.connection(), &room).await.map_err(duplicate)
    }

    async fn update(&self, change: &mut Change, UpdateRoom { id, fields }: UpdateRoom) -> Outcome<UpdateRoom> {
        check(&fields)?;
        store::update(change.connection(), id, &fields).await.map_err(duplicate)?.ok_or_else(|| not_found(id))
    }

    async fn delete(&self, change: &mut Change, DeleteRoom { id }: DeleteRoom) -> Outcome<DeleteRoom> {
        store::delete(change.connection(), id).await?.ok_or_else(|| not_found(id))
    }
}

fn check(room: &RoomFields) -> Result<(), RoomRefusal> {
    for (field, value) in [("name", &room.name), ("displayName", &room.display_name)] {
        text::check(field, value, text::MAX).map_err(|reason| RoomRefusal::BadValue { reason })?;
    }
    Ok(())
}

fn not_found(id: i32) -> Failure<RoomRefusal> {
    RoomRefusal::NotFound { id }.into()
}

fn duplicate(error: sqlx::Error) -> Failure<RoomRefusal> {
    match sqlstate::duplicate(&error) {
        Some(constraint) => RoomRefusal::Duplicate { constraint }.into(),
        None => error.into(),
    }
}

//! Meeting rooms, owned by the `meetingroom` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Example, Listing, Versioned, blank,
    events::Object,
    filter::{self, Find, Page},
    numbers::{self, DialNumber, Pin},
    refusals, service,
};

/// The service's name on the bus.
pub const SERVICE: &str = "meetingroom";

service! {
    /// Meeting rooms, owned by the `meetingroom` service.
    pub trait MeetingRooms("meetingroom", "meetingrooms") refuses RoomRefusal {
        /// Get a meeting room
        ///
        /// Answers the meeting room with this id.
        read fn get(GetRoom) -> Versioned<MeetingRoom>, refuses NotFound;

        /// Get all meeting rooms
        ///
        /// Answers every meeting room, ordered by id.
        read fn list(ListRooms) -> Listing<MeetingRoom>;

        /// Find meeting rooms
        ///
        /// Answers the meeting rooms that pass every filter. Filterable and sortable: `id`, `name`, `displayName`, `number` and `userPin`.
        read fn find(FindRooms) -> Page<MeetingRoom>, refuses BadFilter;

        /// Create a meeting room
        ///
        /// Name and number must not be taken. An `id` in the body is ignored.
        write fn create(CreateRoom) -> Versioned<MeetingRoom>, refuses Duplicate | BadValue;

        /// Update a meeting room
        ///
        /// Replaces the meeting room that has the body's `id`. A `userPin` that is left out is removed.
        write fn update(UpdateRoom) -> Versioned<MeetingRoom>, refuses NotFound | Duplicate | BadValue;

        /// Delete a meeting room
        ///
        /// Answers the meeting room as it was.
        write fn delete(DeleteRoom) -> MeetingRoom, refuses NotFound;
    }
}

refusals! {
    /// What the meeting rooms' rules say no with.
    pub enum RoomRefusal {
        NotFound { id: i32 } => NotFound, "NotFoundError", "Meeting room {id} not found";
        Duplicate { constraint: String } => Invalid, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        BadFilter { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A virtual room in which callers meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeetingRoom {
    pub id: i32,
    /// Technical unique name.
    pub name: String,
    pub display_name: String,
    /// The number that is dialled to enter; unique.
    pub number: DialNumber,
    /// The PIN to enter with; left out where none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_pin: Option<Pin>,
}

/// A meeting room as events and history show it: without its PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomState {
    pub id: i32,
    pub name: String,
    pub display_name: String,
    pub number: DialNumber,
}

impl Object for RoomState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "meetingroom";
}

/// Asks for one room.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetRoom {
    pub id: i32,
}

/// Asks for all rooms.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListRooms {}

/// Asks for the rooms that pass the filters.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct FindRooms(pub Find);

/// What a meeting room is made of, beside its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomFields {
    /// Technical unique name: 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub display_name: String,
    /// The number that is dialled to enter; unique.
    pub number: DialNumber,
    /// The PIN to enter with. Left out: none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub user_pin: Option<Pin>,
}

/// Creates a room.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CreateRoom(pub RoomFields);

/// Replaces a room.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UpdateRoom {
    #[serde(deserialize_with = "numbers::whole_id")]
    pub id: i32,
    #[serde(flatten)]
    pub fields: RoomFields,
}

/// Deletes a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteRoom {
    pub id: i32,
}

impl Example for RoomFields {
    fn example() -> Self {
        Self {
            name: "myConfRoom1".to_owned(),
            display_name: "My Conf Room 1".to_owned(),
            number: DialNumber::from_stored(1050),
            user_pin: Some(Pin::from_stored("1234".to_owned())),
        }
    }
}

impl Example for MeetingRoom {
    fn example() -> Self {
        let RoomFields { name, display_name, number, user_pin } = RoomFields::example();
        Self { id: 1, name, display_name, number, user_pin }
    }
}

impl Example for RoomState {
    fn example() -> Self {
        let MeetingRoom { id, name, display_name, number, .. } = MeetingRoom::example();
        Self { id, name, display_name, number }
    }
}

impl Example for FindRooms {
    fn example() -> Self {
        Self(filter::find_example("name", "myConfRoom1"))
    }
}

impl Example for CreateRoom {
    fn example() -> Self {
        Self(RoomFields::example())
    }
}

impl Example for UpdateRoom {
    fn example() -> Self {
        Self { id: 1, fields: RoomFields::example() }
    }
}

use crate::{events::ObjectDoc, meetingrooms::RoomState};

/// Every kind of object whose changes are events.
pub fn objects() -> Vec<ObjectDoc> {
    vec![ObjectDoc::of::<RoomState>()]
}

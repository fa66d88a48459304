use crate::{
    agents::Agent,
    catalogues::{Context, Entity, Label, Mediaserver},
    dissuasions::DissuasionState,
    events::ObjectDoc,
    ice_servers::IceConfiguration,
    lines::LineState,
    meetingrooms::RoomState,
    preferences::PreferenceState,
    queues::Queue,
    rights::RightState,
    services::ServicesState,
    users::User,
};

/// Every kind of object whose changes are events.
pub fn objects() -> Vec<ObjectDoc> {
    vec![
        ObjectDoc::of::<RoomState>(),
        ObjectDoc::of::<User>(),
        ObjectDoc::of::<Entity>(),
        ObjectDoc::of::<Mediaserver>(),
        ObjectDoc::of::<Context>(),
        ObjectDoc::of::<Label>(),
        ObjectDoc::of::<LineState>(),
        ObjectDoc::of::<ServicesState>(),
        ObjectDoc::of::<RightState>(),
        ObjectDoc::of::<PreferenceState>(),
        ObjectDoc::of::<IceConfiguration>(),
        ObjectDoc::of::<Queue>(),
        ObjectDoc::of::<Agent>(),
        ObjectDoc::of::<DissuasionState>(),
    ]
}

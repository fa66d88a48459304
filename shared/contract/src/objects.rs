use crate::{
    agents::Agent,
    callback_lists::ListState,
    callback_requests::RequestState,
    callback_tickets::CallbackTicket,
    catalogues::{Context, Entity, Label, Mediaserver},
    dissuasions::DissuasionState,
    events::ObjectDoc,
    ice_servers::IceConfiguration,
    lines::LineState,
    meetingrooms::RoomState,
    periods::Period,
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
        ObjectDoc::of::<Period>(),
        ObjectDoc::of::<ListState>(),
        ObjectDoc::of::<RequestState>(),
        ObjectDoc::of::<CallbackTicket>(),
    ]
}

//! What follows from a line of a `service!` block.

use configmgt_contract::{
    Call, Details, Fault, Kind, Listing, Operation, OperationDoc, Outcome, Owner, Refusal, Reply, SERVICES, Status,
    Unjournaled, Whole,
    filter::Page,
    line_errors::{LineError, LineErrors},
    meetingrooms::{
        CreateRoom, DeleteRoom, FindRooms, GetRoom, ListRooms, MeetingRoom, MeetingRooms, RoomRefusal, UpdateRoom,
    },
    user_import::ImportRefusal,
};
use futures_util::stream;
use serde_json::{Value, json};

/// Its table is all that is asked for here.
struct Nobody;

impl Owner for Nobody {
    type Changes = Unjournaled;

    fn changes(&self) -> &Unjournaled {
        &Unjournaled
    }
}

impl MeetingRooms for Nobody {
    async fn get(&self, _: &Call, request: GetRoom) -> Outcome<GetRoom> {
        Err(RoomRefusal::NotFound { id: request.id }.into())
    }

    async fn list(&self, _: &Call, _: ListRooms) -> Outcome<ListRooms> {
        Ok(Listing::of_batches(futures_util::stream::empty::<Result<_, std::fmt::Error>>()))
    }

    async fn find(&self, _: &Call, _: FindRooms) -> Outcome<FindRooms> {
        Ok(Page { total: 0, list: Vec::new() })
    }

    async fn create(&self, _: &mut Call, _: CreateRoom) -> Outcome<CreateRoom> {
        Err(RoomRefusal::BadValue { reason: "no".to_owned() }.into())
    }

    async fn update(&self, _: &mut Call, request: UpdateRoom) -> Outcome<UpdateRoom> {
        Err(RoomRefusal::NotFound { id: request.id }.into())
    }

    async fn delete(&self, _: &mut Call, request: DeleteRoom) -> Outcome<DeleteRoom> {
        Err(RoomRefusal::NotFound { id: request.id }.into())
    }
}

#[test]
fn the_endpoints_of_the_meeting_rooms_are_these() {
    let endpoints = Nobody::endpoints();
    let table: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            let OperationDoc { service, name, path, kind, text, refusals, secrets } = endpoint.doc;
            assert!(secrets.is_empty());
            (service, name, path, kind, text[0].trim(), refusals)
        })
        .collect();
    let expected: [(_, _, _, _, _, &[&str]); 6] = [
        ("meetingroom", "meetingrooms-get", "meetingrooms.get", Kind::Read, "Get a meeting room", &["NotFound"]),
        ("meetingroom", "meetingrooms-list", "meetingrooms.list", Kind::Read, "Get all meeting rooms", &[]),
        ("meetingroom", "meetingrooms-find", "meetingrooms.find", Kind::Read, "Find meeting rooms", &["BadFilter"]),
        (
            "meetingroom",
            "meetingrooms-create",
            "meetingrooms.create",
            Kind::Write,
            "Create a meeting room",
            &["Duplicate", "BadValue"],
        ),
        (
            "meetingroom",
            "meetingrooms-update",
            "meetingrooms.update",
            Kind::Write,
            "Update a meeting room",
            &["NotFound", "Duplicate", "BadValue"],
        ),
        (
            "meetingroom",
            "meetingrooms-delete",
            "meetingrooms.delete",
            Kind::Write,
            "Delete a meeting room",
            &["NotFound"],
        ),
    ];
    assert_eq!(table, expected);
}

#[test]
fn a_request_is_asked_on_the_subject_of_its_own_endpoint() {
    let subjects = [
        GetRoom::DOC.subject(),
        ListRooms::DOC.subject(),
        FindRooms::DOC.subject(),
        CreateRoom::DOC.subject(),
        UpdateRoom::DOC.subject(),
        DeleteRoom::DOC.subject(),
    ];
    let served: Vec<_> = Nobody::endpoints().iter().map(|endpoint| endpoint.doc.subject()).collect();
    assert_eq!(served, subjects);
    assert_eq!(subjects[0], "configmgt.request.meetingroom.meetingrooms.get");
}

#[test]
fn every_meeting_room_operation_answers_200_with_a_body() {
    fn answers<O: Operation>() -> (u16, bool) {
        (O::Reply::SUCCESS.http(), O::Reply::schema().is_some())
    }
    let answers = [
        answers::<GetRoom>(),
        answers::<ListRooms>(),
        answers::<FindRooms>(),
        answers::<CreateRoom>(),
        answers::<UpdateRoom>(),
        answers::<DeleteRoom>(),
    ];
    assert_eq!(answers, [(200, true); 6]);
}

#[test]
fn the_refusals_of_the_meeting_rooms_have_these_faults() {
    let constraint = "meetingroom_name_key".to_owned();
    for (refusal, expected) in [
        (RoomRefusal::NotFound { id: 7 }, Fault::coded(Status::NotFound, "NotFoundError", "Meeting room 7 not found")),
        (
            RoomRefusal::Duplicate { constraint },
            Fault::coded(
                Status::Invalid,
                "Duplicate",
                r#"duplicate key value violates unique constraint "meetingroom_name_key""#,
            ),
        ),
        (
            RoomRefusal::BadValue { reason: "name must not be empty".to_owned() },
            Fault::coded(Status::Invalid, "BadRequest", "name must not be empty"),
        ),
        (
            RoomRefusal::BadFilter { reason: "limit: -1".to_owned() },
            Fault::coded(Status::Invalid, "BadRequest", "limit: -1"),
        ),
    ] {
        assert_eq!(refusal.fault(), expected);
    }
}

#[test]
fn a_refusal_with_details_keeps_them_in_its_envelope_and_back() {
    let login = LineError { line: 7, column: Some("login".into()), reason: "is taken".to_owned() };
    let fields = LineError { line: 9, column: None, reason: "has no fields".to_owned() };
    let errors = LineErrors { first: vec![login, fields], more: 3 };
    let fault = ImportRefusal::BadCsv { errors }.fault();
    let message = "line 7, login: is taken; line 9: has no fields; and 3 more";
    let errors = json!([{"line": 7, "column": "login", "reason": "is taken"}, {"line": 9, "reason": "has no fields"}]);
    let envelope = fault.envelope();
    let expected = json!({"error": "BadCsv", "message": message, "errors": errors});
    assert_eq!(serde_json::from_slice::<Value>(&envelope).unwrap(), expected);
    assert_eq!(Fault::from_envelope(Status::Invalid, &envelope).unwrap(), fault);
    assert_eq!(ImportRefusal::UnderWay {}.fault().details, Details::new());
}

#[test]
fn an_operation_documents_the_refusals_that_its_line_names_and_no_others() {
    let of_update: Vec<_> = OperationDoc::refusals_of::<UpdateRoom>()
        .map(|refusal| (refusal.variant, refusal.status.http(), refusal.code, refusal.message))
        .collect();
    assert_eq!(
        of_update,
        [
            ("NotFound", 404, "NotFoundError", "Meeting room {id} not found"),
            ("Duplicate", 400, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\""),
            ("BadValue", 400, "BadRequest", "{reason}"),
        ]
    );
    assert_eq!(OperationDoc::refusals_of::<ListRooms>().count(), 0);
}

#[tokio::test]
async fn an_endpoint_turns_bytes_into_its_request_and_a_refusal_into_its_fault() {
    let get = Nobody::endpoints().swap_remove(0);
    let outcome =
        |body: &'static [u8]| (get.run)(std::sync::Arc::new(Nobody), call(), body.into(), Box::pin(stream::empty()));
    let fault = |answer| match answer {
        Err(configmgt_contract::Broken::Refused(fault)) => fault,
        _ => panic!("nothing was refused"),
    };
    let not_found = RoomRefusal::NotFound { id: 7 }.fault();
    assert_eq!(fault(outcome(br#"{"id":7}"#).await), not_found);
    let unreadable = fault(outcome(br#"{"id":"seven"}"#).await);
    assert_eq!(
        unreadable,
        Fault::new(
            Status::Invalid,
            "unreadable request: invalid type: string \"seven\", expected i32 at line 1 column 13"
        )
    );
}

#[test]
fn the_services_have_these_names_on_the_bus() {
    assert_eq!(SERVICES, ["users", "callbacks", "queue-dissuasion", "meetingroom"]);
}

#[test]
fn an_answered_room_can_be_read_back() {
    let room = <MeetingRoom as configmgt_contract::Example>::example();
    let configmgt_contract::Answer::Whole(Whole { body, .. }) = room.clone().answer().unwrap() else {
        panic!("it came in pieces")
    };
    assert_eq!(serde_json::from_slice::<MeetingRoom>(&body).unwrap(), room);
}

fn call() -> Call {
    Call {
        request_id: "test".to_owned(),
        actor: "test".to_owned(),
        idempotency_key: None,
        expected: None,
        traceparent: None,
        deadline: std::time::Instant::now() + std::time::Duration::from_secs(5),
    }
}

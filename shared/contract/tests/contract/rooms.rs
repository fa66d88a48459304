//! Meeting rooms in JSON: the documented examples, and numbers in every form that clients send.

use configmgt_contract::{
    meetingrooms::{CreateRoom, FindRooms, MeetingRoom, RoomFields, UpdateRoom},
    numbers::{DialNumber, Pin},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::refusal_of;

const ROOM: &str = r#"{"id":1,"name":"myConfRoom1","displayName":"My Conf Room 1","number":1050,"userPin":1234}"#;

/// What comes out when `text` goes through `T`.
fn through<T: Serialize + DeserializeOwned>(text: &str) -> Value {
    serde_json::to_value(serde_json::from_str::<T>(text).unwrap()).unwrap()
}

fn room() -> MeetingRoom {
    MeetingRoom {
        id: 1,
        name: "myConfRoom1".to_owned(),
        display_name: "My Conf Room 1".to_owned(),
        number: DialNumber::from_stored(1050),
        user_pin: Some(Pin::from_stored("1234".to_owned())),
    }
}

#[test]
fn the_documented_room_is_read_and_written_to_the_letter() {
    assert_eq!(serde_json::from_str::<MeetingRoom>(ROOM).unwrap(), room());
    assert_eq!(serde_json::to_string(&room()).unwrap(), ROOM);
}

#[test]
fn the_documented_list_keeps_a_room_without_a_pin_without_the_key() {
    let list = r#"[{"id":1,"name":"myConfRoom1","displayName":"My Conf Room 1","number":1050,"userPin":1234},
                   {"id":2,"name":"myConfRoom2","displayName":"My Conf Room 2","number":1051}]"#;
    assert_eq!(through::<Vec<MeetingRoom>>(list), serde_json::from_str::<Value>(list).unwrap());
}

#[test]
fn the_documented_creation_goes_through_unchanged() {
    let creation = r#"{"name": "myConfRoom1", "displayName": "My Conf Room 1", "number": 1050, "userPin": 1234}"#;
    assert_eq!(through::<CreateRoom>(creation), serde_json::from_str::<Value>(creation).unwrap());
}

#[test]
fn the_documented_update_goes_through_unchanged() {
    assert_eq!(through::<UpdateRoom>(ROOM), serde_json::from_str::<Value>(ROOM).unwrap());
}

#[test]
fn the_documented_search_goes_through_unchanged() {
    let search = r#"{
        "filters":[
            {"field":"name", "operator":"=", "value":"myConfRoom1conf", "order": "ASC"}
        ],
        "offset":0,
        "limit":100
    }"#;
    assert_eq!(through::<FindRooms>(search), serde_json::from_str::<Value>(search).unwrap());
}

#[test]
fn a_creation_ignores_the_id_and_keys_that_it_does_not_know() {
    let sent = r#"{"id":7,"name":"a","displayName":"A","number":1,"colour":"red"}"#;
    assert_eq!(through::<CreateRoom>(sent), json!({"name": "a", "displayName": "A", "number": 1}));
}

#[test]
fn a_pin_that_is_null_is_no_pin() {
    let sent = r#"{"name":"a","displayName":"A","number":1,"userPin":null}"#;
    let expected = RoomFields {
        name: "a".to_owned(),
        display_name: "A".to_owned(),
        number: DialNumber::from_stored(1),
        user_pin: None,
    };
    assert_eq!(serde_json::from_str::<RoomFields>(sent).unwrap(), expected);
}

#[test]
fn a_number_is_a_number_in_whatever_form_it_was_sent() {
    for (sent, answered) in [
        ("1050", "1050"),
        ("1050.0", "1050"),
        ("1.05e3", "1050"),
        (r#""1050""#, "1050"),
        ("1", "1"),
        ("999999999999999", "999999999999999"),
        ("999999999999999.0", "999999999999999"),
        (r#""999999999999999""#, "999999999999999"),
    ] {
        let number: DialNumber = serde_json::from_str(sent).unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), answered, "{sent}");
    }
}

#[test]
fn a_pin_is_answered_as_a_number_unless_that_would_lose_its_leading_zeros() {
    for (sent, answered) in [
        ("1234", "1234"),
        ("1234.0", "1234"),
        (r#""1234""#, "1234"),
        ("0", "0"),
        (r#""0""#, "0"),
        (r#""00""#, r#""00""#),
        (r#""0042""#, r#""0042""#),
        (r#""000000000000001""#, r#""000000000000001""#),
        (r#""999999999999999""#, "999999999999999"),
    ] {
        let pin: Pin = serde_json::from_str(sent).unwrap();
        assert_eq!(serde_json::to_string(&pin).unwrap(), answered, "{sent}");
    }
}

#[test]
fn what_is_no_number_and_no_pin_is_refused_with_what_is_expected() {
    let expected = "expected a whole number or a string of 1 to 15 digits";
    for (sent, shown) in [
        ("-1", r#"invalid value: string "-1""#),
        (r#""-1""#, r#"invalid value: string "-1""#),
        ("-0.0", r#"invalid value: string "-0""#),
        ("10.5", r#"invalid value: string "10.5""#),
        (r#""1050.0""#, r#"invalid value: string "1050.0""#),
        ("1000000000000000", r#"invalid value: string "1000000000000000""#),
        ("1e15", r#"invalid value: string "1000000000000000""#),
        (r#""1000000000000000""#, r#"invalid value: string "1000000000000000""#),
        (r#""12a4""#, r#"invalid value: string "12a4""#),
        (r#"" 1234""#, r#"invalid value: string " 1234""#),
        (r#""+1234""#, r#"invalid value: string "+1234""#),
        // Digits, but not ASCII ones.
        (r#""١٢٣٤""#, r#"invalid value: string "١٢٣٤""#),
        (r#""""#, r#"invalid value: string """#),
        ("true", "invalid type: boolean `true`"),
        ("null", "invalid type: null"),
        ("[1]", "invalid type: sequence"),
        ("{}", "invalid type: map"),
    ] {
        let refusal = format!("{shown}, {expected}");
        assert_eq!(refusal_of::<DialNumber>(sent), refusal, "number {sent}");
        assert_eq!(refusal_of::<Pin>(sent), refusal, "PIN {sent}");
    }
}

#[test]
fn a_number_that_begins_with_zero_is_refused_because_it_could_not_be_answered() {
    for sent in ["0", "0.0", r#""0""#, r#""0042""#] {
        let refusal = "a number cannot begin with 0, as it is answered as a JSON number";
        assert_eq!(refusal_of::<DialNumber>(sent), refusal, "{sent}");
    }
}

#[test]
fn the_id_of_an_update_is_a_whole_number_that_fits() {
    let with_id = |id: &str| format!(r#"{{"id":{id},"name":"a","displayName":"A","number":1}}"#);
    for (sent, read) in [("7", 7), ("7.0", 7), ("2147483647", i32::MAX), ("-1", -1)] {
        assert_eq!(serde_json::from_str::<UpdateRoom>(&with_id(sent)).unwrap().id, read, "{sent}");
    }
    for (sent, refusal) in [
        ("7.5", "invalid value: floating point `7.5`, expected a whole number"),
        ("2147483648", "2147483648 is no possible id"),
        (r#""7""#, r#"invalid type: string "7", expected a whole number"#),
        ("null", "invalid type: null, expected a whole number"),
    ] {
        assert_eq!(refusal_of::<UpdateRoom>(&with_id(sent)), refusal, "{sent}");
    }
}

#[test]
fn a_missing_key_is_named() {
    assert_eq!(refusal_of::<CreateRoom>(r#"{"displayName":"A","number":1}"#), "missing field `name`");
    assert_eq!(refusal_of::<CreateRoom>(r#"{"name":"a","number":1}"#), "missing field `displayName`");
    assert_eq!(refusal_of::<CreateRoom>(r#"{"name":"a","displayName":"A"}"#), "missing field `number`");
    assert_eq!(refusal_of::<UpdateRoom>(r#"{"name":"a","displayName":"A","number":1}"#), "missing field `id`");
}

use configmgt_contract::password::Password;

use crate::refusal_of;

#[test]
fn a_password_shows_nowhere_but_where_it_is_hashed() {
    let password: Password = serde_json::from_str(r#""s3cret""#).unwrap();
    assert_eq!(format!("{password:?}"), "Password(…)");
    assert_eq!(password.expose(), "s3cret");
}

#[test]
fn what_stands_in_a_passwords_place_is_refused_without_being_quoted() {
    for number in ["12345", "-12345", "123.45"] {
        assert_eq!(refusal_of::<Password>(number), "invalid type: a number, expected a string");
    }
    assert_eq!(refusal_of::<Password>(r#"["s3cret"]"#), "invalid type: sequence, expected a string");
    assert_eq!(refusal_of::<Password>(r#"{"s3cret": 1}"#), "invalid type: map, expected a string");
    assert_eq!(refusal_of::<Password>("null"), "invalid type: null, expected a string");
    assert_eq!(refusal_of::<Password>("true"), "invalid type: boolean `true`, expected a string");
}

#[test]
fn a_password_has_at_most_1024_bytes() {
    let of = |bytes: usize| format!("\"{}\"", "é".repeat(bytes / 2));
    assert_eq!(serde_json::from_str::<Password>(&of(1024)).unwrap().expose().len(), 1024);
    assert_eq!(refusal_of::<Password>(&of(1026)), "a password has at most 1024 bytes");
}

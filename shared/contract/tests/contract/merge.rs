//! Members of JSON merge patches.

use configmgt_contract::merge::Member;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Patch {
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    text: Member<String>,
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    number: Member<Option<i32>>,
}

#[test]
fn what_is_left_out_is_told_from_null_and_both_from_a_value_on_every_way() {
    for (json, text, number) in [
        (r"{}", Member::Absent, Member::Absent),
        (r#"{"text":null,"number":null}"#, Member::Null, Member::Null),
        (r#"{"text":"a","number":7}"#, Member::Value("a".to_owned()), Member::Value(Some(7))),
    ] {
        let patch: Patch = serde_json::from_str(json).unwrap();
        assert_eq!(patch, Patch { text, number });
        assert_eq!(serde_json::to_string(&patch).unwrap(), json);
    }
}

#[test]
fn a_merge_keeps_removes_or_replaces() {
    let merged = |member: Member<Option<i32>>| {
        let mut value = Some(1);
        member.merge_into(&mut value);
        value
    };
    assert_eq!(merged(Member::Absent), Some(1));
    assert_eq!(merged(Member::Null), None);
    assert_eq!(merged(Member::Value(Some(2))), Some(2));
}

#[test]
fn a_member_of_another_type_is_refused() {
    let refusal = crate::refusal_of::<Patch>(r#"{"number": "seven"}"#);
    assert_eq!(refusal, r#"invalid type: string "seven", expected i32"#);
}

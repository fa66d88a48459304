//! The body of a search: what may be left out, and which numbers are whole.

use configmgt_contract::filter::{Filter, Find, Page};
use serde_json::json;

use crate::refusal_of;

#[test]
fn a_search_without_anything_asks_for_the_first_hundred() {
    for sent in ["{}", r#"{"filters":null,"offset":null,"limit":null}"#] {
        let find: Find = serde_json::from_str(sent).unwrap();
        assert_eq!(find, Find { filters: Vec::new(), offset: 0, limit: 100 }, "{sent}");
    }
}

#[test]
fn a_filter_may_hold_only_its_field_and_order() {
    let find: Find = serde_json::from_str(r#"{"filters":[{"field":"fullName","order":"ASC"}]}"#).unwrap();
    let filter =
        Filter { field: "fullName".to_owned(), order: Some("ASC".to_owned()), operator: None, value: None, list: None };
    assert_eq!(find, Find { filters: vec![filter], offset: 0, limit: 100 });
}

#[test]
fn the_documented_filters_go_through_unchanged() {
    for filter in [
        json!({"field": "fullName", "order": "ASC"}),
        json!({"field": "fullName", "operator": "like", "value": "Jack%", "order": "ASC"}),
        json!({"field": "fullName", "operator": "=", "value": "James Bond"}),
        json!({"field": "label", "operator": "contains_all", "list": ["blue", "red"]}),
    ] {
        let read: Filter = serde_json::from_value(filter.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), filter);
    }
}

#[test]
fn offset_and_limit_are_whole_numbers_in_either_form() {
    for (sent, read) in [
        ("0", 0),
        ("207", 207),
        ("207.0", 207),
        ("2.07e2", 207),
        // Out of range is for the owner of the data to say, with the field's name.
        ("-1", -1),
        ("9223372036854775807", i64::MAX),
    ] {
        let find: Find = serde_json::from_str(&format!(r#"{{"offset":{sent},"limit":{sent}}}"#)).unwrap();
        assert_eq!(find, Find { filters: Vec::new(), offset: read, limit: read }, "{sent}");
    }
}

#[test]
fn offset_and_limit_that_are_no_whole_numbers_are_refused_with_what_is_expected() {
    for (sent, shown) in [
        ("1.5", "invalid value: floating point `1.5`"),
        ("1e300", "invalid value: floating point `1e+300`"),
        ("9223372036854775808", "invalid value: integer `9223372036854775808`"),
        (r#""10""#, r#"invalid type: string "10""#),
        ("true", "invalid type: boolean `true`"),
    ] {
        let refusal = format!("{shown}, expected a whole number");
        assert_eq!(refusal_of::<Find>(&format!(r#"{{"offset":{sent}}}"#)), refusal, "offset {sent}");
        assert_eq!(refusal_of::<Find>(&format!(r#"{{"limit":{sent}}}"#)), refusal, "limit {sent}");
    }
}

#[test]
fn a_filter_without_a_field_is_refused() {
    assert_eq!(refusal_of::<Find>(r#"{"filters":[{"operator":"is null"}]}"#), "missing field `field`");
}

#[test]
fn a_page_is_the_total_and_the_list() {
    let page = Page { total: 3, list: vec![1, 2] };
    assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"total":3,"list":[1,2]}"#);
}

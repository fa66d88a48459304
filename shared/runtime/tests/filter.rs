//! Dynamic filters over a real table with a column of each kind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use configmgt_contract::filter::{Find, Page};
use configmgt_runtime::{
    connections::Connections,
    filter::{Column, FindError, Kind, Table},
};
use configmgt_stack::databases::Database;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

const THINGS: Table = Table {
    select: "id, name, number, pin, open, due_date, uuid, labels",
    from: "thing",
    key: "id",
    columns: &[
        Column { names: &["id"], sql: "id", kind: Kind::Integer },
        Column { names: &["name"], sql: "name", kind: Kind::Text },
        Column { names: &["number"], sql: "number", kind: Kind::DialNumber },
        Column { names: &["pin"], sql: "pin", kind: Kind::Pin },
        Column { names: &["open"], sql: "open", kind: Kind::Boolean },
        Column { names: &["dueDate"], sql: "due_date", kind: Kind::Date },
        Column { names: &["uuid"], sql: "uuid", kind: Kind::Uuid },
        Column { names: &["labels", "label"], sql: "labels", kind: Kind::Labels },
    ],
};

#[derive(sqlx::FromRow)]
struct Thing {
    id: i32,
}

struct Things(Connections);

impl Things {
    async fn create() -> Self {
        let owner = Database::create().await.unwrap().owner;
        let mut connection = PgConnection::connect_with(&owner).await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE thing (id integer PRIMARY KEY, name text, number bigint, pin text, open boolean, due_date date,
                                 uuid uuid, labels text[]);
             INSERT INTO thing VALUES
             (1, 'Anna', 1050, '0042', true,  '2026-11-24', '11111111-1111-4111-8111-111111111111', '{red,green}'),
             (2, 'anna', 2050, '7', false, '2026-11-25', '22222222-2222-4222-8222-222222222222', '{red}'),
             (3, 'O''Neill; DROP TABLE thing', 3000, '999999999999999', true, '2026-12-01', '33333333-3333-4333-8333-333333333333', '{}'),
             (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        Self(Connections::new(owner))
    }

    async fn find(&self, find: Value) -> Result<(i64, Vec<i32>), String> {
        let find: Find = serde_json::from_value(find).unwrap();
        match THINGS.find::<Thing, Thing>(&self.0, &find).await {
            Ok(Page { total, list }) => Ok((total, list.into_iter().map(|thing| thing.id).collect())),
            Err(FindError::Filter(bad)) => Err(bad.to_string()),
            Err(FindError::Database(error)) => panic!("{find:?}: {error}"),
        }
    }

    /// The ids that one filter lets through.
    async fn by(&self, filter: Value) -> Result<Vec<i32>, String> {
        let shown = filter.to_string();
        let (total, ids) = self.find(json!({"filters": [filter]})).await?;
        assert_eq!(usize::try_from(total), Ok(ids.len()), "{shown}");
        Ok(ids)
    }
}

fn filter(field: &str, operator: &str, value: impl Into<Value>) -> Value {
    json!({"field": field, "operator": operator, "value": value.into()})
}

#[tokio::test]
async fn every_operator_finds_what_it_says_in_every_kind_that_it_fits() {
    let things = Things::create().await;
    let second = "22222222-2222-4222-8222-222222222222";
    let cases: &[(&str, &str, Value, &[i32])] = &[
        ("name", "=", json!("Anna"), &[1]),
        ("name", "!=", json!("Anna"), &[2, 3]),
        ("name", ">", json!("Anna"), &[2, 3]),
        ("name", ">=", json!("anna"), &[2]),
        ("name", "<", json!("O"), &[1]),
        ("name", "<=", json!("Anna"), &[1]),
        ("name", "like", json!("A%"), &[1]),
        ("name", "ilike", json!("A%"), &[1, 2]),
        ("name", "like", json!("%"), &[1, 2, 3]),
        ("id", "=", json!(2), &[2]),
        ("id", "!=", json!(2), &[1, 3, 4]),
        ("id", ">", json!(2), &[3, 4]),
        ("id", ">=", json!(2), &[2, 3, 4]),
        ("id", "<", json!(2), &[1]),
        ("id", "<=", json!(2), &[1, 2]),
        ("number", "=", json!(1050), &[1]),
        ("number", "!=", json!(1050), &[2, 3]),
        ("number", ">", json!(1050), &[2, 3]),
        ("number", ">=", json!(2050), &[2, 3]),
        ("number", "<", json!(2050), &[1]),
        ("number", "<=", json!(2050), &[1, 2]),
        ("number", "like", json!("%050"), &[1, 2]),
        ("number", "ilike", json!("1%"), &[1]),
        ("pin", "=", json!("0042"), &[1]),
        ("pin", "=", json!("42"), &[]),
        ("pin", "=", json!(7), &[2]),
        ("pin", "!=", json!("0042"), &[2, 3]),
        ("pin", ">", json!(7), &[1, 3]),
        ("pin", ">=", json!("0007"), &[1, 2, 3]),
        ("pin", "<", json!(42), &[2]),
        ("pin", "<=", json!("42"), &[1, 2]),
        ("pin", "like", json!("00%"), &[1]),
        ("pin", "ilike", json!("%9"), &[3]),
        ("open", "=", json!(true), &[1, 3]),
        ("open", "!=", json!(true), &[2]),
        ("dueDate", "=", json!("2026-11-25"), &[2]),
        ("dueDate", "!=", json!("2026-11-25"), &[1, 3]),
        ("dueDate", ">", json!("2026-11-24"), &[2, 3]),
        ("dueDate", ">=", json!("2026-11-25"), &[2, 3]),
        ("dueDate", "<", json!("2026-11-25"), &[1]),
        ("dueDate", "<=", json!("2026-11-25"), &[1, 2]),
        ("uuid", "=", json!(second), &[2]),
        ("uuid", "!=", json!(second), &[1, 3]),
    ];
    for (field, operator, value, expected) in cases {
        let found = things.by(filter(field, operator, value.clone())).await;
        assert_eq!(found, Ok(expected.to_vec()), "{field} {operator} {value}");
    }
    for field in ["name", "number", "pin", "open", "dueDate", "uuid", "labels"] {
        assert_eq!(things.by(json!({"field": field, "operator": "is null"})).await, Ok(vec![4]), "{field}");
        assert_eq!(things.by(json!({"field": field, "operator": "is not null"})).await, Ok(vec![1, 2, 3]), "{field}");
    }
    assert_eq!(things.by(json!({"field": "id", "operator": "is null"})).await, Ok(Vec::new()));
}

#[tokio::test]
async fn labels_are_found_by_containing_all_under_both_names() {
    let things = Things::create().await;
    let containing = async |field: &str, list: Value| {
        things.by(json!({"field": field, "operator": "contains_all", "list": list})).await
    };
    assert_eq!(containing("labels", json!(["red"])).await, Ok(vec![1, 2]));
    assert_eq!(containing("label", json!(["green", "red"])).await, Ok(vec![1]));
    assert_eq!(containing("label", json!(["blue"])).await, Ok(Vec::new()));
    assert_eq!(containing("label", json!([])).await, Ok(vec![1, 2, 3]));
}

#[tokio::test]
async fn operators_are_known_in_any_letter_case() {
    let things = Things::create().await;
    for operator in ["Like", "LIKE", " like "] {
        assert_eq!(things.by(filter("name", operator, "Anna")).await, Ok(vec![1]), "{operator}");
    }
    assert_eq!(things.by(json!({"field": "name", "operator": "Is Not NULL"})).await, Ok(vec![1, 2, 3]));
    let labels = json!({"field": "label", "operator": "Contains_All", "list": ["red"]});
    assert_eq!(things.by(labels).await, Ok(vec![1, 2]));
}

#[tokio::test]
async fn values_are_read_as_the_columns_type() {
    let things = Things::create().await;
    let cases: &[(&str, Value, &[i32])] = &[
        ("id", json!("2"), &[2]),
        ("id", json!(" 2 "), &[2]),
        ("id", json!(2.0), &[2]),
        ("number", json!("1050"), &[1]),
        ("open", json!("true"), &[1, 3]),
        ("open", json!("False"), &[2]),
        ("open", json!(false), &[2]),
        ("dueDate", json!(" 2026-11-24 "), &[1]),
        ("uuid", json!("11111111-1111-4111-8111-111111111111"), &[1]),
        ("uuid", json!("11111111111141118111111111111111"), &[1]),
        ("name", json!(7), &[]),
        ("name", json!(true), &[]),
    ];
    for (field, value, expected) in cases {
        assert_eq!(things.by(filter(field, "=", value.clone())).await, Ok(expected.to_vec()), "{field} {value}");
    }
}

#[tokio::test]
async fn filters_combine_with_and_and_sort_in_their_order_and_then_by_the_key() {
    let things = Things::create().await;
    let both = json!({"filters": [filter("open", "=", true), filter("number", ">", 2000)]});
    assert_eq!(things.find(both).await, Ok((1, vec![3])));
    let sorted = |filters: Value| json!({"filters": filters});
    let by_number = json!([{"field": "number", "order": "DESC"}]);
    assert_eq!(things.find(sorted(by_number)).await, Ok((4, vec![4, 3, 2, 1])));
    let by_pin = json!([{"field": "pin", "order": "ASC"}]);
    assert_eq!(things.find(sorted(by_pin)).await, Ok((4, vec![2, 1, 3, 4])));
    let by_open_and_name = json!([{"field": "open", "order": "asc"}, {"field": "name", "order": "desc"}]);
    assert_eq!(things.find(sorted(by_open_and_name)).await, Ok((4, vec![2, 3, 1, 4])));
    let by_open = json!([{"field": "open", "order": " ASC "}]);
    assert_eq!(things.find(sorted(by_open)).await, Ok((4, vec![2, 1, 3, 4])));
    let filtered_and_sorted = json!([{"field": "id", "operator": "<", "value": 4, "order": "desc"}]);
    assert_eq!(things.find(sorted(filtered_and_sorted)).await, Ok((3, vec![3, 2, 1])));
}

#[tokio::test]
async fn a_page_is_a_part_of_the_matches_and_the_total_counts_them_all() {
    let things = Things::create().await;
    let page = |offset: i64, limit: i64| json!({"filters": [filter("id", ">", 1)], "offset": offset, "limit": limit});
    assert_eq!(things.find(json!({})).await, Ok((4, vec![1, 2, 3, 4])));
    assert_eq!(things.find(page(0, 2)).await, Ok((3, vec![2, 3])));
    assert_eq!(things.find(page(2, 2)).await, Ok((3, vec![4])));
    assert_eq!(things.find(page(9, 2)).await, Ok((3, Vec::new())));
    assert_eq!(things.find(page(0, 0)).await, Ok((3, Vec::new())));
    assert_eq!(things.find(json!({"filters": [filter("id", "=", 99)]})).await, Ok((0, Vec::new())));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_the_name_of_its_field() {
    let things = Things::create().await;
    let operators = "=, !=, >, >=, <, <=, like, ilike, is null, is not null, contains_all";
    let cases = [
        (
            filter("nome", "=", 1),
            "'nome': no such field; the fields are id, name, number, pin, open, dueDate, uuid, labels".to_owned(),
        ),
        (filter("name", "~", "x"), format!("name: no such operator: '~'; the operators are {operators}")),
        (filter("open", ">", true), "open: the operator > does not fit this field".to_owned()),
        (filter("uuid", "<", "x"), "uuid: the operator < does not fit this field".to_owned()),
        (filter("dueDate", "like", "2026%"), "dueDate: the operator like does not fit this field".to_owned()),
        (filter("label", "=", "red"), "label: the operator = does not fit this field".to_owned()),
        (
            json!({"field": "name", "operator": "contains_all", "list": []}),
            "name: the operator contains_all does not fit this field".to_owned(),
        ),
        (filter("id", "=", "two"), "id: 'two' is no whole number".to_owned()),
        (filter("id", "=", 2.5), "id: '2.5' is no whole number".to_owned()),
        (filter("id", "=", true), "id: 'true' is no whole number".to_owned()),
        (filter("pin", ">", "7a"), "pin: '7a' is no whole number".to_owned()),
        (filter("id", "=", "99999999999999999999"), "id: '99999999999999999999' is no whole number".to_owned()),
        (filter("open", "=", "yes"), "open: 'yes' is no boolean".to_owned()),
        (filter("open", "=", 1), "open: '1' is no boolean".to_owned()),
        (filter("dueDate", "=", "2026-02-30"), "dueDate: '2026-02-30' is no date (YYYY-MM-DD)".to_owned()),
        (filter("dueDate", "=", 2026), "dueDate: '2026' is no date (YYYY-MM-DD)".to_owned()),
        (filter("uuid", "=", "1"), "uuid: '1' is no UUID".to_owned()),
        (json!({"field": "name", "operator": "="}), "name: the operator = needs a value".to_owned()),
        (json!({"field": "name", "operator": "=", "value": null}), "name: the operator = needs a value".to_owned()),
        (json!({"field": "name", "value": "x"}), "name: a value needs an operator".to_owned()),
        (filter("name", "=", json!(["x"])), "name: a value is a string, a number or a boolean".to_owned()),
        (json!({"field": "label", "operator": "contains_all"}), "label: contains_all needs a list".to_owned()),
        (
            json!({"field": "label", "operator": "contains_all", "list": [["x"]]}),
            "label: a value is a string, a number or a boolean".to_owned(),
        ),
        (json!({"field": "name", "order": "up"}), "name: no such order: 'up'; it is ASC or DESC".to_owned()),
        (filter("name", "=", "a\0b"), "name: a value cannot contain a NUL character".to_owned()),
        (filter("name", "like", "x\\"), "name: a pattern cannot end with its escape character \\".to_owned()),
        (filter("name", "like", "x".repeat(129)), "name: a pattern has at most 128 characters".to_owned()),
        (filter("name", "like", "%a%b%c%d%e%"), "name: a pattern has at most 5 times %".to_owned()),
        (
            json!({"field": "label", "operator": "contains_all", "list": vec!["x"; 101]}),
            "label: at most 100 items are possible, not 101".to_owned(),
        ),
    ];
    for (filter, message) in cases {
        assert_eq!(things.by(filter).await, Err(message));
    }
    let many = json!({"filters": vec![json!({"field": "name"}); 21]});
    assert_eq!(things.find(many).await, Err("filters: at most 20 are possible, not 21".to_owned()));
    assert_eq!(things.find(json!({"limit": 1001})).await, Err("limit: 1001 is not between 0 and 1000".to_owned()));
    assert_eq!(things.find(json!({"limit": -1})).await, Err("limit: -1 is not between 0 and 1000".to_owned()));
    assert_eq!(things.find(json!({"offset": -1})).await, Err("offset: -1 is negative".to_owned()));
}

#[tokio::test]
async fn a_number_beyond_the_columns_type_matches_nothing_and_breaks_nothing() {
    let things = Things::create().await;
    assert_eq!(things.by(filter("id", "=", i64::MAX)).await, Ok(Vec::new()));
    assert_eq!(things.by(filter("id", "<", i64::MAX)).await, Ok(vec![1, 2, 3, 4]));
    assert_eq!(things.find(json!({"offset": i64::MAX})).await, Ok((4, Vec::new())));
}

#[tokio::test]
async fn nothing_that_a_client_sends_becomes_sql() {
    let things = Things::create().await;
    let attack = "1'; DROP TABLE thing; --";
    assert!(things.by(filter(attack, "=", 1)).await.is_err());
    assert!(things.by(filter("name) OR (true", "=", 1)).await.is_err());
    assert!(things.by(filter("name", attack, 1)).await.is_err());
    assert!(things.by(filter("name", "= '' OR 1", 1)).await.is_err());
    assert!(things.by(json!({"field": "name", "order": attack})).await.is_err());
    assert!(things.by(filter("id", "=", attack)).await.is_err());
    assert_eq!(things.by(filter("name", "=", attack)).await, Ok(Vec::new()));
    assert_eq!(things.by(filter("name", "like", "%'; DROP TABLE thing%")).await, Ok(Vec::new()));
    let labels = json!({"field": "label", "operator": "contains_all", "list": ["{red}", "'}"]});
    assert_eq!(things.by(labels).await, Ok(Vec::new()));
    assert_eq!(things.by(filter("name", "=", "O'Neill; DROP TABLE thing")).await, Ok(vec![3]));
    assert_eq!(things.find(json!({})).await, Ok((4, vec![1, 2, 3, 4])));
}

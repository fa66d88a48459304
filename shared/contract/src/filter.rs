//! Dynamic filters: the body of every `find` endpoint and the page that answers it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{Example, merge, numbers};

/// What to find: the filters that a row must all pass, and which part of the matches to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Find {
    /// All of them must hold. Those with an `order` sort the result, the first one first.
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    #[schema(max_items = 20)]
    pub filters: Vec<Filter>,
    /// How many matches to leave out from the beginning.
    #[serde(default, deserialize_with = "offset")]
    #[schema(minimum = 0)]
    pub offset: i64,
    /// The most matches to answer.
    #[serde(default = "default_limit", deserialize_with = "limit")]
    #[schema(minimum = 0, maximum = 1000)]
    pub limit: i64,
}

impl Default for Find {
    fn default() -> Self {
        Self { filters: Vec::new(), offset: 0, limit: default_limit() }
    }
}

const fn default_limit() -> i64 {
    100
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(numbers::optional_whole(deserializer)?.unwrap_or_default())
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(numbers::optional_whole(deserializer)?.unwrap_or_else(default_limit))
}

/// A condition on a field, a sort order, or both.
///
/// The operators are `=`, `!=`, `>`, `>=`, `<`, `<=`, `like`, `ilike`, `is null`, `is not null` and `contains_all`, in any
/// letter case. In a pattern the caller supplies the `%`. Operator and value are read by the owner of the data, because only it knows the field's type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Filter {
    /// The field's name as in the answers.
    pub field: String,
    /// Left out where the filter only sorts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// A string, a number or a boolean. A string is read as the type of the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// What the field must contain; only with `contains_all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    pub list: Option<Vec<Value>>,
    /// `ASC` or `DESC`, in any letter case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// A part of the matches, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// How many rows match, on this page and off it.
    pub total: i64,
    pub list: Vec<T>,
}

impl<T: Example> Example for Page<T> {
    fn example() -> Self {
        Self { total: 1, list: vec![T::example()] }
    }
}

/// An example of a search for one value of one field.
pub(crate) fn find_example(field: &str, value: &str) -> Find {
    Find {
        filters: vec![Filter {
            field: field.to_owned(),
            operator: Some("=".to_owned()),
            value: Some(json!(value)),
            order: Some("ASC".to_owned()),
            ..Filter::default()
        }],
        ..Find::default()
    }
}

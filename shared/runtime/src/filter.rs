//! Dynamic filters to SQL.
//!
//! A field and an operator select fixed SQL text; a value is always bound. The only text that goes into a statement is
//! `&'static str`, so nothing a client sends can become SQL.

use configmgt_contract::{
    Failure,
    filter::{Filter, Find, Page},
    quoted,
};
use serde_json::Value;
use sqlx::{
    Arguments, AssertSqlSafe, Encode, FromRow, Postgres, Row, Type,
    postgres::{PgArguments, PgRow},
};
use time::{Date, macros::format_description};
use uuid::Uuid;

use crate::connections::Connections;

/// The most filters of one request.
pub const MAX_FILTERS: usize = 20;
/// The most items of a filter's `list`.
pub const MAX_LIST: usize = 100;
/// The largest page.
pub const MAX_LIMIT: i64 = 1000;
/// The longest pattern, in characters.
pub const MAX_PATTERN: usize = 128;
/// The most `%` in a pattern: each one multiplies the work of a comparison.
pub const MAX_WILDCARDS: usize = 5;

/// A column that clients can filter and sort by.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The names that clients know it by; the first one is the documented one.
    pub names: &'static [&'static str],
    /// The column, by the name it has in the select list of the [`Table`]: a page is sorted by it.
    pub sql: &'static str,
    pub kind: Kind,
}

/// What a column holds, and so which operators and values fit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    /// A number that is dialled: compared as a number, matched against patterns as text.
    DialNumber,
    /// Digits that are kept as text, as zeros before them count: the same as another text is, but greater or less as a number is. Not
    /// more than 15.
    Pin,
    Boolean,
    Date,
    Uuid,
    /// An array of texts.
    Labels,
}

impl Kind {
    /// What stands behind a column where its values are put in an order.
    const fn as_compared(self) -> &'static str {
        match self {
            Self::Pin => "::bigint",
            _ => "",
        }
    }
}

/// What a find endpoint reads.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The select list.
    pub select: &'static str,
    /// What stands behind FROM.
    pub from: &'static str,
    /// The primary key: the last sort key, so that pages are stable.
    pub key: &'static str,
    pub columns: &'static [Column],
}

/// Why a filter cannot be used. It names the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFilter(pub String);

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    Filter(#[from] BadFilter),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl FindError {
    /// Refuses a search whose filters are bad, with the reason.
    pub fn refused<R>(self, bad_filter: impl FnOnce(String) -> R) -> Failure<R> {
        match self {
            Self::Filter(BadFilter(reason)) => Failure::Refused(bad_filter(reason)),
            Self::Database(error) => error.into(),
        }
    }
}

impl Table {
    /// Runs the search as one statement, so that total and page are of the same moment. The rows are read as `R`.
    pub async fn find<R, T>(&self, connections: &Connections, find: &Find) -> Result<Page<T>, FindError>
    where
        R: for<'row> FromRow<'row, PgRow>,
        T: From<R>,
    {
        let (sql, arguments) = self.statement(find)?;
        let mut connection = connections.lend().await?;
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *connection).await;
        let rows = connection.done(rows)?;
        let total = rows.first().map_or(Ok(0), |row| row.try_get("matches_total"))?;
        // Where the page is empty, one row still brings the total.
        let on_page = rows.iter().filter(|row| row.try_get::<bool, _>("on_page").unwrap_or(false));
        let list = on_page.map(|row| Ok(R::from_row(row)?.into())).collect::<sqlx::Result<_>>()?;
        Ok(Page { total, list })
    }

    fn statement(&self, find: &Find) -> Result<(String, PgArguments), BadFilter> {
        let Find { filters, offset, limit } = find;
        if filters.len() > MAX_FILTERS {
            return Err(BadFilter(format!("filters: at most {MAX_FILTERS} are possible, not {}", filters.len())));
        }
        if !(0..=MAX_LIMIT).contains(limit) {
            return Err(BadFilter(format!("limit: {limit} is not between 0 and {MAX_LIMIT}")));
        }
        if *offset < 0 {
            return Err(BadFilter(format!("offset: {offset} is negative")));
        }
        let mut conditions = Conditions::default();
        let mut order = String::new();
        for filter in filters {
            let column = self.column(&filter.field)?;
            conditions.add(column, filter)?;
            if let Some(direction) = direction(filter)? {
                order.extend([column.sql, column.kind.as_compared(), direction, ", "]);
            }
        }
        order.push_str(self.key);
        let Conditions { sql: condition, mut arguments } = conditions;
        let limit = bind(&mut arguments, *limit)?;
        let offset = bind(&mut arguments, *offset)?;
        let Self { select, from, .. } = self;
        let sql = format!(
            "SELECT matches.matches_total, page.* \
             FROM (SELECT count(*) AS matches_total FROM {from} WHERE true{condition}) AS matches \
             LEFT JOIN LATERAL (SELECT {select}, true AS on_page FROM {from} WHERE true{condition} \
             ORDER BY {order} LIMIT {limit} OFFSET {offset}) AS page ON true ORDER BY {order}"
        );
        Ok((sql, arguments))
    }

    fn column(&self, field: &str) -> Result<&Column, BadFilter> {
        self.columns.iter().find(|column| column.names.contains(&field)).ok_or_else(|| {
            let known: Vec<_> = self.columns.iter().map(|column| column.names[0]).collect();
            BadFilter(format!("{}: no such field; the fields are {}", quoted(field), known.join(", ")))
        })
    }
}

/// The conditions so far, each beginning with ` AND `, and the values bound in them.
#[derive(Default)]
struct Conditions {
    sql: String,
    arguments: PgArguments,
}

impl Conditions {
    fn add(&mut self, column: &Column, filter: &Filter) -> Result<(), BadFilter> {
        let field = &filter.field;
        let Some(operator) = &filter.operator else {
            return match (&filter.value, &filter.list) {
                (None, None) => Ok(()),
                _ => Err(BadFilter(format!("{field}: a value needs an operator"))),
            };
        };
        let known = Operator::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(operator.trim()));
        let operator = known.ok_or_else(|| {
            let names: Vec<_> = Operator::ALL.into_iter().map(Operator::name).collect();
            BadFilter(format!(
                "{field}: no such operator: {}; the operators are {}",
                quoted(operator),
                names.join(", ")
            ))
        })?;
        let name = operator.name();
        if !operator.fits(column.kind) {
            return Err(BadFilter(format!("{field}: the operator {name} does not fit this field")));
        }
        match operator {
            Operator::IsNull | Operator::IsNotNull => {
                self.sql.extend([" AND ", column.sql, " ", operator.sql()]);
                return Ok(());
            }
            Operator::ContainsAll => {
                let labels = self.labels(filter)?;
                self.sql.extend([" AND ", column.sql, " @> ", labels.as_str()]);
                return Ok(());
            }
            _ => {}
        }
        let value = match &filter.value {
            None | Some(Value::Null) => return Err(BadFilter(format!("{field}: the operator {name} needs a value"))),
            Some(value) => value,
        };
        let misfit = |what: &str| BadFilter(format!("{field}: {} is no {what}", quoted(&text_of(value))));
        let pattern = matches!(operator, Operator::Like | Operator::Ilike);
        let bound = match column.kind {
            _ if pattern => bind(&mut self.arguments, self::pattern(field, value)?)?,
            Kind::Pin if !operator.compares() => bind(&mut self.arguments, text(field, value)?)?,
            Kind::Text | Kind::Labels => bind(&mut self.arguments, text(field, value)?)?,
            Kind::Integer | Kind::DialNumber | Kind::Pin => {
                bind(&mut self.arguments, integer(value).ok_or_else(|| misfit("whole number"))?)?
            }
            Kind::Boolean => bind(&mut self.arguments, boolean(value).ok_or_else(|| misfit("boolean"))?)?,
            Kind::Date => bind(&mut self.arguments, date(value).ok_or_else(|| misfit("date (YYYY-MM-DD)"))?)?,
            Kind::Uuid => bind(&mut self.arguments, uuid(value).ok_or_else(|| misfit("UUID"))?)?,
        };
        let cast = match column.kind {
            Kind::DialNumber if pattern => "::text",
            kind if operator.compares() => kind.as_compared(),
            _ => "",
        };
        self.sql.extend([" AND ", column.sql, cast, " ", operator.sql(), " ", bound.as_str()]);
        Ok(())
    }

    fn labels(&mut self, filter: &Filter) -> Result<String, BadFilter> {
        let field = &filter.field;
        let list = filter.list.as_ref().ok_or_else(|| BadFilter(format!("{field}: contains_all needs a list")))?;
        if list.len() > MAX_LIST {
            return Err(BadFilter(format!("{field}: at most {MAX_LIST} items are possible, not {}", list.len())));
        }
        let labels: Vec<String> = list.iter().map(|label| text(field, label)).collect::<Result<_, _>>()?;
        bind(&mut self.arguments, labels)
    }
}

/// Binds a value and gives its placeholder.
fn bind<'value, T>(arguments: &mut PgArguments, value: T) -> Result<String, BadFilter>
where
    T: Encode<'value, Postgres> + Type<Postgres> + 'value,
{
    arguments.add(value).map_err(|error| BadFilter(format!("a value cannot be sent to the database: {error}")))?;
    Ok(format!("${}", arguments.len()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Like,
    Ilike,
    IsNull,
    IsNotNull,
    ContainsAll,
}

impl Operator {
    const ALL: [Self; 11] = [
        Self::Equal,
        Self::NotEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Like,
        Self::Ilike,
        Self::IsNull,
        Self::IsNotNull,
        Self::ContainsAll,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Like => "like",
            Self::Ilike => "ilike",
            Self::IsNull => "is null",
            Self::IsNotNull => "is not null",
            Self::ContainsAll => "contains_all",
        }
    }

    const fn sql(self) -> &'static str {
        match self {
            Self::NotEqual => "<>",
            Self::Like => "LIKE",
            Self::Ilike => "ILIKE",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::ContainsAll => "@>",
            same => same.name(),
        }
    }

    const fn fits(self, kind: Kind) -> bool {
        match self {
            Self::IsNull | Self::IsNotNull => true,
            Self::ContainsAll => matches!(kind, Kind::Labels),
            Self::Like | Self::Ilike => matches!(kind, Kind::Text | Kind::DialNumber | Kind::Pin),
            Self::Equal | Self::NotEqual => !matches!(kind, Kind::Labels),
            Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual => {
                matches!(kind, Kind::Text | Kind::Integer | Kind::DialNumber | Kind::Pin | Kind::Date)
            }
        }
    }

    /// Whether it asks which of two values comes first.
    const fn compares(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual | Self::Less | Self::LessOrEqual)
    }
}

fn direction(filter: &Filter) -> Result<Option<&'static str>, BadFilter> {
    match filter.order.as_deref().map(str::trim) {
        None => Ok(None),
        Some(order) if order.eq_ignore_ascii_case("ASC") => Ok(Some(" ASC")),
        Some(order) if order.eq_ignore_ascii_case("DESC") => Ok(Some(" DESC")),
        Some(order) => Err(BadFilter(format!("{}: no such order: {}; it is ASC or DESC", filter.field, quoted(order)))),
    }
}

fn pattern(field: &str, value: &Value) -> Result<String, BadFilter> {
    let pattern = text(field, value)?;
    if pattern.chars().count() > MAX_PATTERN {
        return Err(BadFilter(format!("{field}: a pattern has at most {MAX_PATTERN} characters")));
    }
    if pattern.matches('%').count() > MAX_WILDCARDS {
        return Err(BadFilter(format!("{field}: a pattern has at most {MAX_WILDCARDS} times %")));
    }
    let escapes = pattern.chars().rev().take_while(|character| *character == '\\').count();
    if escapes % 2 == 1 {
        return Err(BadFilter(format!("{field}: a pattern cannot end with its escape character \\")));
    }
    Ok(pattern)
}

fn text(field: &str, value: &Value) -> Result<String, BadFilter> {
    let text = match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => text_of(value),
        _ => return Err(BadFilter(format!("{field}: a value is a string, a number or a boolean"))),
    };
    if text.contains('\0') {
        return Err(BadFilter(format!("{field}: a value cannot contain a NUL character")));
    }
    Ok(text)
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => {
            // Display writes a whole f64 without a point.
            number.as_i64().or_else(|| number.as_f64().and_then(|number| number.to_string().parse().ok()))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

fn date(value: &Value) -> Option<Date> {
    Date::parse(value.as_str()?.trim(), format_description!("[year]-[month]-[day]")).ok()
}

fn uuid(value: &Value) -> Option<Uuid> {
    value.as_str()?.trim().parse().ok()
}

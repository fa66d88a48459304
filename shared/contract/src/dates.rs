//! Days as clients send them.

use std::{borrow::Cow, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};
use time::{Date, macros::format_description};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A day of the calendar, written `YYYY-MM-DD`. Days compare as their texts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Day(String);

impl Day {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that names no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoDay;

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let date = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| NoDay)?;
        // A sign may stand before a year, and what comes before the year 1 is written in another way elsewhere.
        if date.to_string() == text && date.year() > 0 { Ok(Self(text.to_owned())) } else { Err(NoDay) }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|NoDay| de::Error::invalid_value(de::Unexpected::Str(&text), &"a day like 2026-11-24"))
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let day =
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        day.description(Some("A day, written YYYY-MM-DD.")).into()
    }
}

impl ToSchema for Day {
    fn name() -> Cow<'static, str> {
        "Day".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar_and_is_written_in_one_way() {
        for day in ["0001-01-01", "2024-02-29", "2026-11-24", "9999-12-31"] {
            assert_eq!(day.parse::<Day>().unwrap().as_str(), day);
        }
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "24.11.2026",
            "2026-11-24 ",
            "2026-11-24T00:00:00Z",
            "0000-01-01",
            "-001-01-01",
            "10000-01-01",
            "+2026-01-01",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
    }
}

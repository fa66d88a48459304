//! Days, times of the day and moments, as clients see them.

use std::{borrow::Cow, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};
use time::{
    Date, OffsetDateTime, Time, UtcOffset, format_description::well_known::Rfc3339, macros::format_description,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use crate::Example;

/// A day of the calendar, written `YYYY-MM-DD`. Days compare as their texts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Day(String);

impl Day {
    /// The day of these numbers, which there must be, in the years from 1 to 9999.
    pub fn of(year: i16, month: i8, day: i8) -> Self {
        Self(format!("{year:04}-{month:02}-{day:02}"))
    }

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

impl Example for Day {
    fn example() -> Self {
        Self("2017-09-27".to_owned())
    }
}

/// A time of the day in whole seconds, written `HH:MM:SS`; in requests the seconds may be left out. Times compare as their texts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TimeOfDay(String);

impl TimeOfDay {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(hour: u8, minute: u8) -> Self {
        Self(format!("{hour:02}:{minute:02}:00"))
    }
}

/// A text that names no time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTime;

impl FromStr for TimeOfDay {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let whole = if text.len() == "HH:MM".len() { format!("{text}:00") } else { text.to_owned() };
        Time::parse(&whole, format_description!("[hour]:[minute]:[second]")).map_err(|_| NoTime)?;
        Ok(Self(whole))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|NoTime| de::Error::invalid_value(de::Unexpected::Str(&text), &"a time like 09:00:00"))
    }
}

impl PartialSchema for TimeOfDay {
    fn schema() -> RefOr<Schema> {
        let time = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"));
        time.description(Some("A time of the day, written HH:MM:SS.")).into()
    }
}

impl ToSchema for TimeOfDay {
    fn name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }
}

/// A moment, written in UTC and with microseconds: `2026-11-25T08:00:00.000000Z`. Moments compare as their texts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moment(String);

impl Moment {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that names no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    /// Reads RFC 3339, with any offset.
    fn from_str(text: &str) -> Result<Self, NoMoment> {
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NoMoment)?.try_into()
    }
}

impl TryFrom<OffsetDateTime> for Moment {
    type Error = NoMoment;

    /// Refuses one that in UTC is in no year that can be written.
    fn try_from(moment: OffsetDateTime) -> Result<Self, NoMoment> {
        let utc = moment.checked_to_offset(UtcOffset::UTC).ok_or(NoMoment)?;
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        utc.format(form).map(Self).map_err(|_| NoMoment)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|NoMoment| {
            de::Error::invalid_value(de::Unexpected::Str(&text), &"a time like 2026-11-24T09:30:00Z")
        })
    }
}

impl Example for Moment {
    fn example() -> Self {
        Self("2026-11-25T08:00:00.000000Z".to_owned())
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let moment = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        moment.description(Some("A moment: RFC 3339, UTC, microseconds.")).into()
    }
}

impl ToSchema for Moment {
    fn name() -> Cow<'static, str> {
        "Moment".into()
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
    #[test]
    fn a_time_of_the_day_is_written_in_one_way_and_its_seconds_may_be_left_out() {
        for (text, time) in [("00:00:00", "00:00:00"), ("09:00", "09:00:00"), ("23:59:59", "23:59:59")] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().as_str(), time);
        }
        for text in
            ["", "9:00", "24:00", "24:00:00", "12:60", "12:00:60", "12:00:00.5", "12:00 ", "12h00", "-1:00", "1é:0"]
        {
            assert_eq!(text.parse::<TimeOfDay>(), Err(NoTime), "{text}");
        }
    }
    #[test]
    fn a_moment_is_the_same_whatever_its_offset_and_is_written_in_one_way() {
        for (text, moment) in [
            ("2026-11-25T08:00:00Z", "2026-11-25T08:00:00.000000Z"),
            ("2026-11-25T08:00:00.12+00:00", "2026-11-25T08:00:00.120000Z"),
            ("2026-11-25T00:30:00.123456+01:00", "2026-11-24T23:30:00.123456Z"),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().as_str(), moment);
        }
        assert_eq!("2026-11-25 08:00:00".parse::<Moment>(), Err(NoMoment));
    }
}

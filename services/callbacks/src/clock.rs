//! What day it is where the call centre is.

use configmgt_contract::dates::Day;
use configmgt_runtime::settings::{self, SettingError};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// The setting with the name of the time zone.
const SETTING: &str = "TIME_ZONE";

/// Tells the day in a time zone.
#[derive(Clone)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// In the time zone that `TIME_ZONE` names, of the IANA database, or UTC.
    pub(crate) fn from_settings() -> Result<Self, SettingError> {
        let name = settings::optional(SETTING);
        Self::in_zone(name.as_deref().map_or("UTC", str::trim))
    }

    fn in_zone(name: &str) -> Result<Self, SettingError> {
        let malformed = |_| SettingError::Malformed {
            name: SETTING.to_owned(),
            reason: format!("'{name}' is no time zone like Europe/Paris"),
        };
        TimeZone::get(name).map(|zone| Self { zone }).map_err(malformed)
    }

    pub(crate) fn today(&self) -> Day {
        let today = Timestamp::now().to_zoned(self.zone.clone()).date();
        Day::of(today.year(), today.month(), today.day())
    }

    /// The day after today.
    pub(crate) fn tomorrow(&self) -> Day {
        self.day_after(Timestamp::now())
    }

    /// The day after the one that `moment` lies in.
    fn day_after(&self, moment: Timestamp) -> Day {
        let today = moment.to_zoned(self.zone.clone()).date();
        // The last day of the calendar has none after it.
        let tomorrow = today.checked_add(1.day()).unwrap_or(today);
        Day::of(tomorrow.year(), tomorrow.month(), tomorrow.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_after(zone: &str, moment: &str) -> String {
        Clock::in_zone(zone).unwrap().day_after(moment.parse().unwrap()).as_str().to_owned()
    }

    #[test]
    fn a_day_begins_at_midnight_where_the_call_centre_is() {
        for (zone, moment, tomorrow) in [
            ("UTC", "2026-11-25T23:59:59.999Z", "2026-11-26"),
            ("UTC", "2026-11-26T00:00:00Z", "2026-11-27"),
            ("Europe/Paris", "2026-11-25T22:59:59Z", "2026-11-26"),
            ("Europe/Paris", "2026-11-25T23:00:00Z", "2026-11-27"),
            ("Pacific/Kiritimati", "2026-11-25T10:00:00Z", "2026-11-27"),
            ("Pacific/Pago_Pago", "2026-11-25T10:59:59Z", "2026-11-25"),
        ] {
            assert_eq!(day_after(zone, moment), tomorrow, "{zone} {moment}");
        }
    }

    #[test]
    fn the_next_day_is_the_next_date_also_where_a_day_has_23_or_25_hours() {
        for (zone, moment, tomorrow) in [
            // Clocks go forward at 01:00 UTC on 29 March, and back on 25 October.
            ("Europe/Paris", "2026-03-28T22:59:59Z", "2026-03-29"),
            ("Europe/Paris", "2026-03-28T23:00:00Z", "2026-03-30"),
            ("Europe/Paris", "2026-03-29T21:59:59Z", "2026-03-30"),
            ("Europe/Paris", "2026-03-29T22:00:00Z", "2026-03-31"),
            ("Europe/Paris", "2026-10-24T22:00:00Z", "2026-10-26"),
            ("Europe/Paris", "2026-10-25T22:59:59Z", "2026-10-26"),
            ("Europe/Paris", "2026-10-25T23:00:00Z", "2026-10-27"),
            // Here midnight itself is left out when clocks go forward.
            ("America/Asuncion", "2024-10-06T03:59:59Z", "2024-10-06"),
            ("America/Asuncion", "2024-10-06T04:00:00Z", "2024-10-07"),
        ] {
            assert_eq!(day_after(zone, moment), tomorrow, "{zone} {moment}");
        }
    }

    #[test]
    fn a_month_and_a_year_end_and_leap_years_have_a_day_more() {
        assert_eq!(day_after("UTC", "2026-12-31T12:00:00Z"), "2027-01-01");
        assert_eq!(day_after("UTC", "2026-02-28T12:00:00Z"), "2026-03-01");
        assert_eq!(day_after("UTC", "2028-02-28T12:00:00Z"), "2028-02-29");
    }

    #[test]
    fn a_zone_that_nobody_knows_is_refused_by_the_name_of_the_setting() {
        let error = Clock::in_zone("Paris").err().unwrap().to_string();
        assert_eq!(error, "the setting TIME_ZONE cannot be read: 'Paris' is no time zone like Europe/Paris");
    }
}

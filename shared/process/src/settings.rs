//! Settings are environment variables. A missing or malformed one stops the process with its name and what it should be.

use std::{env, fmt::Display, ops::RangeInclusive, str::FromStr};

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingError {
    #[error("the setting {name} is missing: {purpose}")]
    Missing { name: String, purpose: &'static str },
    #[error("the setting {name} cannot be read: {reason}")]
    Malformed { name: String, reason: String },
}

/// A setting's value; an empty one counts as absent.
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// A setting without which the process cannot start.
pub fn required(name: &str, purpose: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or_else(|| SettingError::Missing { name: name.to_owned(), purpose })
}

/// A setting with a default.
pub fn parsed<T>(name: &str, default: T) -> Result<T, SettingError>
where
    T: FromStr<Err: Display>,
{
    optional(name).map_or(Ok(default), |value| parse(name, &value))
}

/// The same for a number that must lie in `range`.
pub fn within(name: &str, default: u32, range: RangeInclusive<u32>) -> Result<u32, SettingError> {
    let number = parsed(name, default)?;
    if range.contains(&number) {
        return Ok(number);
    }
    let reason = format!("{number} is not between {} and {}", range.start(), range.end());
    Err(SettingError::Malformed { name: name.to_owned(), reason })
}

fn parse<T: FromStr<Err: Display>>(name: &str, value: &str) -> Result<T, SettingError> {
    let malformed = |error: T::Err| SettingError::Malformed { name: name.to_owned(), reason: error.to_string() };
    value.trim().parse().map_err(malformed)
}

/// A service's own form of a setting: `USERS_DATABASE_URL` where the service `users` would else read `DATABASE_URL`.
pub fn of_service(service: &str, name: &str) -> String {
    format!("{}_{name}", service.to_uppercase().replace('-', "_"))
}

/// Where NATS is.
pub fn nats_url(service: &str) -> String {
    optional(&of_service(service, "NATS_URL"))
        .or_else(|| optional("NATS_URL"))
        .unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_setting_is_named_with_the_reason() {
        let error = parse::<u16>("PORT", "seven").unwrap_err();
        assert_eq!(error.to_string(), "the setting PORT cannot be read: invalid digit found in string");
    }

    #[test]
    fn a_number_out_of_its_range_is_named_with_the_range() {
        let error = within("CONFIGMGT_DAYS_THAT_NOBODY_SETS", 0, 1..=7).unwrap_err();
        let message = "the setting CONFIGMGT_DAYS_THAT_NOBODY_SETS cannot be read: 0 is not between 1 and 7";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn a_services_own_setting_carries_its_name() {
        assert_eq!(of_service("queue-dissuasion", "DATABASE_URL"), "QUEUE_DISSUASION_DATABASE_URL");
    }
}

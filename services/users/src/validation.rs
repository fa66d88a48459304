//! The rules by which a user is validated.

use configmgt_contract::{
    Call, Outcome,
    validation::{Seconds, ValidateUser, Validation, ValidationRefusal},
};
use configmgt_runtime::{journal::Journal, journaled, text};

use crate::{
    password::Passwords,
    store::validation::{self as store, Attempt},
};

pub(crate) struct Validator {
    journal: Journal,
    passwords: Passwords,
}

impl Validator {
    pub(crate) const fn new(journal: Journal, passwords: Passwords) -> Self {
        Self { journal, passwords }
    }
}

journaled!(Validator);

impl Validation for Validator {
    async fn validate(&self, _: &Call, ValidateUser { username, password }: ValidateUser) -> Outcome<ValidateUser> {
        // First, as an attempt whose password is not looked at must not count as one.
        let place = self.passwords.place().ok_or(ValidationRefusal::Busy {})?;
        if !is_possible(&username) {
            // Nothing to guess, so nothing to count; the answer comes no sooner than for any other name that is not known.
            place.verify(password, None).await?;
            return Err(ValidationRefusal::NotFound {}.into());
        }
        let connections = self.journal.connections();
        // Counted before the password is looked at: of many at once, no more are looked at than of as many one after the other.
        let (attempts, password_hash) = match store::count_attempt(connections, &username).await? {
            Attempt::Counted { attempts, password_hash } => (attempts, password_hash),
            Attempt::Blocked { seconds } => {
                return Err(ValidationRefusal::Blocked { seconds: Seconds(seconds.unsigned_abs()) }.into());
            }
        };
        if attempts == 1 {
            // Each name that is added lets go of more than one.
            store::forget_attempts(connections).await?;
        }
        if !place.verify(password, password_hash).await? {
            return Err(ValidationRefusal::NotFound {}.into());
        }
        store::clear_attempts(connections, &username).await?;
        Ok(())
    }
}

/// Whether a user can have this name.
fn is_possible(username: &str) -> bool {
    text::fits(username, text::MAX).is_ok()
}

//! The rules by which a user is validated.

use configmgt_contract::{
    Call, Outcome, Owner,
    validation::{Seconds, ValidateUser, Validation, ValidationRefusal},
};
use configmgt_runtime::journal::Journal;

use crate::{
    password::Passwords,
    store::validation::{self as store, Attempt},
};

/// The most characters of a user name.
const MAX_USERNAME: usize = 128;

pub(crate) struct Validator {
    journal: Journal,
    passwords: Passwords,
}

impl Validator {
    pub(crate) const fn new(journal: Journal, passwords: Passwords) -> Self {
        Self { journal, passwords }
    }
}

impl Owner for Validator {
    type Changes = Journal;

    fn changes(&self) -> &Journal {
        &self.journal
    }
}

impl Validation for Validator {
    async fn validate(&self, _: &Call, ValidateUser { username, password }: ValidateUser) -> Outcome<ValidateUser> {
        check(&username)?;
        // First, as an attempt whose password is not looked at must not count as one.
        let place = self.passwords.place().ok_or(ValidationRefusal::Busy {})?;
        let connections = self.journal.connections();
        // Counted before the password is looked at: of many at once, no more are looked at than of as many one after the other.
        let attempt = store::count_attempt(connections, &username).await?;
        let Some(Attempt { attempts, password_hash }) = attempt else {
            let seconds = store::blocked_for(connections, &username).await?;
            // Where the block has just ended, or another attempt has just begun one, the next second is as good as any.
            let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(1);
            return Err(ValidationRefusal::Blocked { seconds: Seconds(seconds) }.into());
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

/// Refuses a name that no user can have.
fn check(username: &str) -> Result<(), ValidationRefusal> {
    let reason = if username.chars().count() > MAX_USERNAME {
        format!("username has more than {MAX_USERNAME} characters")
    } else if username.chars().any(char::is_control) {
        "username contains a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(ValidationRefusal::BadValue { reason })
}

//! What an error of the database means to a client: one table from SQLSTATE to status.
//!
//! A service turns the constraints it knows into its own refusals where it runs the statement; what is left comes here.

use std::error::Error;

use configmgt_contract::{BoxError, Fault, Status};

/// What the journal's triggers answer where the object has another version than the write expects. Their message is for clients.
const OTHER_VERSION: &str = "CM412";

/// The fault for an error that no rule foresaw.
pub fn classify(error: &BoxError) -> Fault {
    database_error(error.as_ref()).map_or_else(broken, of_sqlx)
}

/// The name of the constraint that a change would have broken.
pub fn broken_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

/// The name of the constraint that a change would have broken by making what is there already.
pub fn duplicate(error: &sqlx::Error) -> Option<String> {
    let refused = error.as_database_error().filter(|refused| refused.is_unique_violation())?;
    refused.constraint().map(str::to_owned)
}

/// What the database says of a change that one of our own triggers refused: their messages are made for clients.
pub fn message(error: &sqlx::Error) -> String {
    error.as_database_error().map(|refused| refused.message().to_owned()).unwrap_or_default()
}

/// The database's error, wherever in the chain it is.
fn database_error<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error sqlx::Error> {
    error.downcast_ref().or_else(|| error.source().and_then(database_error))
}

fn of_sqlx(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(refused) if refused.code().as_deref() == Some(OTHER_VERSION) => {
            Fault::new(Status::PreconditionFailed, refused.message())
        }
        sqlx::Error::Database(refused) => refused.code().map_or_else(broken, |code| of_sqlstate(&code)),
        sqlx::Error::PoolTimedOut => Fault::new(Status::Unavailable, "the database is busy"),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            unreachable()
        }
        _ => broken(),
    }
}

/// The table. A class of codes is its first two characters.
fn of_sqlstate(code: &str) -> Fault {
    match code {
        // Numbers out of range, characters and dates that do not exist, a pattern that ends in its escape character.
        _ if code.starts_with("22") => Fault::new(Status::Invalid, "a value does not fit its field"),
        // A constraint that the rules should have named.
        "23502" | "23514" => Fault::new(Status::Invalid, "a value does not fit its field"),
        _ if code.starts_with("23") => Fault::new(Status::Conflict, "the change contradicts what is stored"),
        "57014" => Fault::new(Status::TimedOut, "the database did not finish in time"),
        // Deadlock, serialization failure, lock time-out.
        "40001" | "40P01" | "55P03" => Fault::new(Status::Unavailable, "another change stood in the way; try again"),
        // Connection failures, too few resources, a server that starts or stops.
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => unreachable(),
        _ => broken(),
    }
}

fn unreachable() -> Fault {
    Fault::new(Status::Unavailable, "the database cannot be reached")
}

fn broken() -> Fault {
    Fault::new(Status::Broken, "something went wrong; the service's log says what")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_not_the_databases_is_a_fault_of_ours() {
        let error: BoxError = "a secret detail".into();
        assert_eq!(classify(&error), broken());
    }

    #[test]
    fn what_a_client_can_cause_is_never_a_500() {
        for code in ["22003", "22021", "22025", "22P02", "22P05", "23502", "23503", "23514", "40P01", "57014", "53300"]
        {
            assert_ne!(of_sqlstate(code).status, Status::Broken, "{code}");
        }
    }

    #[test]
    fn a_wrapped_database_error_is_found_in_the_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] sqlx::Error);
        let error: BoxError = Box::new(Outer(sqlx::Error::PoolTimedOut));
        assert_eq!(classify(&error).status, Status::Unavailable);
    }
}

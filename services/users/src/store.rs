//! The SQL of the service, a file for each resource.

pub(crate) mod catalogues;
pub(crate) mod directory;
pub(crate) mod users;

/// The name of the constraint that a change would have broken.
pub(crate) fn broken_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

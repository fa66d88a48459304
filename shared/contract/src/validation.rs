//! Whether a user may log in, answered by the `users` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, password::Password, refusals, service};

service! {
    /// The validation of users, by the `users` service.
    pub trait Validation("users", "validation") refuses ValidationRefusal {
        /// Validate a user
        ///
        /// Whether this is the user's password. A user name that is not known, one without a password and a wrong password are
        /// answered alike. After 5 wrong passwords for a name, known or not, it is refused for a second without a look at the
        /// password, and after each further one for twice as long as before, up to 5 minutes. The right password ends that.
        attempt fn validate(ValidateUser) -> (), refuses NotFound | Blocked | Busy, hides password;
    }
}

refusals! {
    /// What the validation of users says no with.
    pub enum ValidationRefusal {
        /// Also where only the password is wrong: who asks learns no names.
        NotFound {} => NotFound, "NotFoundError", "User not found";
        Blocked {} => TooManyRequests, "TooManyRequests", "too many wrong passwords for this user name; try again later";
        Busy {} => TooManyRequests, "TooManyRequests", "too many users are validated at once; try again later";
    }
}

/// Asks whether a user may log in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ValidateUser {
    /// The user's login.
    pub username: String,
    pub password: Password,
}

impl Example for ValidateUser {
    fn example() -> Self {
        Self { username: "john".to_owned(), password: Password::example() }
    }
}

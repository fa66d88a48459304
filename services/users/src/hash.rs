//! The hashing of passwords.

use argon2::{Argon2, PasswordHasher, password_hash};
use configmgt_contract::{BoxError, password::Password};

/// The argon2id hash of the password with a new salt, in PHC form: 19 MiB, two passes, one lane. It takes some 20 ms of a core, so
/// it is made apart from what answers requests.
pub(crate) async fn hash(password: Password) -> Result<String, BoxError> {
    let hashed = tokio::task::spawn_blocking(move || {
        let hash = Argon2::default().hash_password(password.expose().as_bytes())?;
        Ok::<_, password_hash::Error>(hash.to_string())
    });
    Ok(hashed.await??)
}

//! What tells one write from another.

use std::borrow::Cow;

use configmgt_contract::{Call, OperationDoc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::content::Content;

/// A write by its key, as the database knows it.
pub(super) struct Key {
    pub(super) actor: String,
    pub(super) name: String,
    /// The digest of the request. It is kept for as long as the answer and must not help to guess a secret, so no secret is part of
    /// it.
    request: Vec<u8>,
}

impl Key {
    pub(super) fn of(call: &Call, operation: OperationDoc, body: &[u8]) -> Option<Self> {
        let name = call.idempotency_key.as_ref()?.to_string();
        let expected = call.expected.as_ref().map(ToString::to_string).unwrap_or_default();
        let body = without_secrets(body, operation.secrets);
        let mut digest = Sha256::new();
        for part in [operation.service.as_bytes(), operation.path.as_bytes(), expected.as_bytes(), &*body] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Some(Self { actor: call.actor.clone(), name, request: digest.finalize().to_vec() })
    }

    /// What makes two writes of one key the same write: their request, and what was read as their content.
    pub(super) fn fingerprint(&self, read: &Content) -> Vec<u8> {
        let Some(content) = read.digest() else { return self.request.clone() };
        Sha256::new().chain_update(&self.request).chain_update(content).finalize().to_vec()
    }
}

/// A request whose members of these names say only whether they hold something.
fn without_secrets<'body>(body: &'body [u8], secrets: &[&str]) -> Cow<'body, [u8]> {
    if secrets.is_empty() {
        return Cow::Borrowed(body);
    }
    // The handler reads the same bytes: what is no JSON never gets here, and must not be digested as it is.
    let mut request = serde_json::from_slice(body).unwrap_or_default();
    hide(&mut request, secrets);
    Cow::Owned(request.to_string().into_bytes())
}

fn hide(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if !secrets.contains(&name.as_str()) {
                    hide(member, secrets);
                } else if !member.is_null() {
                    *member = Value::Bool(true);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use configmgt_contract::{
        IdempotencyKey, Operation,
        users::{CreateUser, PatchUser},
    };
    use serde_json::json;

    use super::*;

    /// Of what the edge would make of `request`.
    fn fingerprint<O: Operation>(request: Value) -> Vec<u8> {
        let call = Call {
            request_id: "r".to_owned(),
            actor: "somebody".to_owned(),
            idempotency_key: Some(IdempotencyKey::Client("k".to_owned())),
            expected: None,
            traceparent: None,
            deadline: Instant::now(),
        };
        let operation: O = serde_json::from_value(request).unwrap();
        Key::of(&call, O::DOC, &serde_json::to_vec(&operation).unwrap()).unwrap().fingerprint(&Content::None)
    }

    #[test]
    fn a_fingerprint_says_nothing_of_a_password_but_whether_there_is_one() {
        let created = fingerprint::<CreateUser>(json!({"firstname": "A", "password": "doe"}));
        assert_eq!(fingerprint::<CreateUser>(json!({"firstname": "A", "password": "other"})), created);
        assert_ne!(fingerprint::<CreateUser>(json!({"firstname": "B", "password": "doe"})), created);
        assert_ne!(fingerprint::<CreateUser>(json!({"firstname": "A"})), created);

        let patched = fingerprint::<PatchUser>(json!({"id": 1, "patch": {"login": "a", "password": "doe"}}));
        assert_eq!(fingerprint::<PatchUser>(json!({"id": 1, "patch": {"login": "a", "password": "other"}})), patched);
        assert_ne!(fingerprint::<PatchUser>(json!({"id": 2, "patch": {"login": "a", "password": "doe"}})), patched);
        assert_ne!(fingerprint::<PatchUser>(json!({"id": 1, "patch": {"login": "b", "password": "doe"}})), patched);
        assert_ne!(fingerprint::<PatchUser>(json!({"id": 1, "patch": {"login": "a", "password": null}})), patched);
    }

    #[test]
    fn what_is_no_request_is_not_digested_where_it_could_be_a_secret() {
        assert_eq!(&*without_secrets(br#"{"password": "doe"#, &["password"]), b"null");
        assert_eq!(&*without_secrets(br#"{"password": "doe"#, &[]), br#"{"password": "doe"#);
    }
}

use std::time::{Duration, Instant};

use configmgt_contract::{Call, Expected, IdempotencyKey};

/// A call with nothing special to it.
pub fn call() -> Call {
    Call {
        request_id: "r".to_owned(),
        actor: "somebody".to_owned(),
        idempotency_key: None,
        expected: None,
        traceparent: None,
        deadline: Instant::now() + Duration::from_mins(1),
    }
}

/// One with an `Idempotency-Key`.
pub fn keyed(key: &str) -> Call {
    Call { idempotency_key: Some(IdempotencyKey::Client(key.to_owned())), ..call() }
}

/// One that expects the object in this version.
pub fn expecting(version: i64) -> Call {
    Call { expected: Some(Expected::OneOf(vec![version])), ..call() }
}

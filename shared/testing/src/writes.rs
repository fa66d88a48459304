use configmgt_contract::{Kind, Operation};
use serde_json::Value;

use crate::Tested;

/// Writes that a test asks for, to show that each one leaves a change in the journal.
pub struct Writes<'test> {
    service: &'test Tested,
    asked: Vec<&'static str>,
}

impl<'test> Writes<'test> {
    pub const fn of(service: &'test Tested) -> Self {
        Self { service, asked: Vec::new() }
    }

    /// Asks, checks that this left one change (as [`Tested::changes`] tells it), and gives the answer.
    pub async fn leave<O: Operation>(&mut self, request: Value, change: &str) -> Value {
        let before = self.service.changes().await;
        let answer = self.service.ask::<O>(request).await.unwrap();
        let after = self.service.changes().await;
        assert_eq!(after[before.len()..], [change.to_owned()], "{}", O::DOC.name);
        self.asked.push(O::DOC.name);
        answer
    }

    /// Checks that the service has no other operations that write than those that were asked for and `others`.
    pub fn are_all_but(mut self, others: &[&'static str]) {
        let writes = self.service.handlers.operations().filter(|doc| !matches!(doc.kind, Kind::Read | Kind::Attempt));
        let mut writes: Vec<_> = writes.map(|doc| doc.name).collect();
        writes.sort_unstable();
        self.asked.extend(others);
        self.asked.sort_unstable();
        assert_eq!(self.asked, writes);
    }
}

//! What becomes of the attempts at one request.

use async_nats::Message;
use configmgt_contract::Fault;

use crate::{
    headers,
    reply::{NoReply, Reply, timed_out},
};

/// Why an attempt did not do what was asked.
pub(crate) enum Refused {
    /// No answer comes.
    Unanswered(NoReply),
    /// The service said so.
    Answered(Fault),
}

/// Waits for the answer to an attempt.
pub(crate) async fn answered(reply: Reply) -> Result<Message, Refused> {
    let message = reply.await.map_err(Refused::Unanswered)?;
    match headers::fault(message.headers.as_ref(), &message.payload) {
        None => Ok(message),
        Some(fault) => Err(Refused::Answered(fault)),
    }
}

/// What the attempts at one request were refused with, so far: the gravest of it.
#[derive(Default)]
pub(crate) struct Refusals {
    gravest: Option<(Gravity, Fault)>,
}

/// What a refusal leaves open. Where one attempt may have been carried out, nobody may say that the request was not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// Nobody got it.
    Unheard,
    /// It changed nothing.
    Refused,
    /// It may have been carried out.
    Open,
}

impl Refusals {
    pub(crate) fn add(&mut self, refused: Refused, service: &str) {
        let (gravity, fault) = match refused {
            Refused::Unanswered(NoReply::Nobody) => (Gravity::Unheard, NoReply::Nobody.from(service)),
            Refused::Unanswered(none) => (Gravity::Open, none.from(service)),
            Refused::Answered(fault) if fault.status.http() < 500 => (Gravity::Refused, fault),
            Refused::Answered(fault) => (Gravity::Open, fault),
        };
        if self.gravest.as_ref().is_none_or(|(known, _)| *known < gravity) {
            self.gravest = Some((gravity, fault));
        }
    }

    /// What to tell once no attempt is under way any more.
    pub(crate) fn gravest(self, service: &str) -> Fault {
        self.gravest.map_or_else(|| timed_out(service), |(_, fault)| fault)
    }
}

//! What becomes of the attempts at one request.

use async_nats::Message;
use configmgt_contract::{Fault, Status};

use crate::{
    freshness::Clock,
    headers::{self, Stamp},
    reply::{NoReply, Reply, timed_out},
};

/// Why an attempt did not do what was asked.
pub(crate) enum Refused {
    /// No answer comes.
    Unanswered(NoReply),
    /// The service thought that it had lain somewhere, and was wrong. It would not think so of another one.
    Misjudged(Fault),
    /// The service said so.
    Answered(Fault),
}

/// Waits for the answer to an attempt that was sent with this stamp.
pub(crate) async fn answered(reply: Reply, stamp: Stamp, clock: &Clock) -> Result<Message, Refused> {
    let message = reply.await.map_err(Refused::Unanswered)?;
    let headers = message.headers.as_ref();
    let misjudged = headers::age(headers).is_some_and(|age| clock.contradicts(&stamp, age));
    match headers::fault(headers, &message.payload) {
        None => Ok(message),
        Some(fault) if misjudged && fault.status == Status::TimedOut => Err(Refused::Misjudged(fault)),
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
            Refused::Misjudged(fault) | Refused::Answered(fault) if fault.status.http() < 500 => {
                (Gravity::Refused, fault)
            }
            Refused::Misjudged(fault) | Refused::Answered(fault) => (Gravity::Open, fault),
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

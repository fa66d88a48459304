//! What becomes of the attempts at one request.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use async_nats::Message;
use configmgt_contract::{Fault, Status};
use futures_util::FutureExt;

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

/// An attempt under way: it was sent with this stamp, and ends with the answer.
pub(crate) struct Attempt<'clock> {
    pub(crate) reply: Reply,
    pub(crate) stamp: Stamp,
    pub(crate) clock: &'clock Clock,
}

impl Future for Attempt<'_> {
    type Output = Result<Message, Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.reply.poll_unpin(context).map(|reply| self.judge(reply.map_err(Refused::Unanswered)?))
    }
}

impl Attempt<'_> {
    fn judge(&self, message: Message) -> Result<Message, Refused> {
        let headers = message.headers.as_ref();
        let misjudged = headers::age(headers).is_some_and(|age| self.clock.contradicts(&self.stamp, age));
        match headers::fault(headers, &message.payload) {
            None => Ok(message),
            Some(fault) if misjudged && fault.status == Status::TimedOut => Err(Refused::Misjudged(fault)),
            Some(fault) => Err(Refused::Answered(fault)),
        }
    }
}

/// Waits until one of the attempts is over, and takes it out. They are few, and nearly always one: to ask each of them costs less than
/// to keep account of whom to ask.
pub(crate) async fn first(attempts: &mut Vec<Attempt<'_>>) -> Result<Message, Refused> {
    let over = |context: &mut Context<'_>| {
        let over = attempts.iter_mut().enumerate().find_map(|(place, attempt)| match attempt.poll_unpin(context) {
            Poll::Ready(outcome) => Some((place, outcome)),
            Poll::Pending => None,
        });
        match over {
            Some((place, outcome)) => {
                attempts.swap_remove(place);
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    };
    poll_fn(over).await
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

//! The asking side of a streamed reply: the mirror of [`crate::pieces`].

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use configmgt_contract::{Fault, Pieces, Status};
use futures_util::{StreamExt, stream};

use crate::{
    Caller, headers,
    reply::{NoReply, Reply, bus_down},
};

/// What is still to come of a streamed reply. One piece is asked for ahead of the reader, never more.
struct Rest {
    ahead: Option<Pull>,
    caller: Caller,
}

/// A piece that is asked for, and where.
struct Pull {
    subject: String,
    reply: Reply,
}

/// The whole of a streamed reply whose first piece has come, with `next` as the place of the second.
pub(crate) async fn pieces(caller: &Caller, first: Message, next: String) -> Result<Pieces, Fault> {
    let rest = Rest { ahead: Some(Pull::begin(caller, next).await?), caller: caller.clone() };
    let pieces = stream::try_unfold((Some(first.payload), rest), |(first, mut rest)| async move {
        let piece = match first {
            Some(first) => Some(first),
            None => rest.next().await?,
        };
        Ok(piece.map(|piece| (piece, (None, rest))))
    });
    Ok(pieces.boxed())
}

impl Pull {
    /// Asks for the piece at `subject`.
    async fn begin(caller: &Caller, subject: String) -> Result<Self, Fault> {
        let reply = caller.line()?.ask(subject.clone(), HeaderMap::new(), Bytes::new()).await?;
        Ok(Self { subject, reply })
    }
}

impl Rest {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(pull) = &mut self.ahead else { return Ok(None) };
        let message = pull.reply.wait(self.caller.patience().piece).await.map_err(|none| match none {
            NoReply::Nobody => Fault::new(Status::Unavailable, "the service that was answering is gone"),
            NoReply::BusDown => bus_down(),
            NoReply::Late => Fault::new(Status::TimedOut, "the rest of the reply did not come in time"),
        })?;
        if let Some(fault) = headers::fault(message.headers.as_ref(), &message.payload) {
            self.ahead = None;
            return Err(fault);
        }
        self.ahead = match headers::next_piece(message.headers.as_ref()) {
            Some(next) => Some(Pull::begin(&self.caller, next).await?),
            None => None,
        };
        Ok(Some(message.payload))
    }
}

impl Drop for Rest {
    /// Tells the service that nobody reads on, so that it need not wait for that to show.
    fn drop(&mut self) {
        if let Some(pull) = &self.ahead {
            self.caller.give_up(&pull.subject);
        }
    }
}

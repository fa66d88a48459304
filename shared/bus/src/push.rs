//! The asking side of an import: the mirror of [`crate::uploads`].

use async_nats::Message;
use bytes::Bytes;
use configmgt_contract::{Answer, Fault, Status, Upload};
use futures_util::StreamExt;

use crate::{
    Caller, Request, headers,
    reply::{NoReply, Reply, timed_out},
    transport::remaining,
};

/// An import on its way. Dropped before its answer, it is given up.
struct Import {
    /// Where its next piece is wanted.
    wanted: Option<String>,
    caller: Caller,
}

/// Sends an import with its content, and waits for its answer until the call's deadline. Nothing of it is sent twice.
pub(crate) async fn import(caller: &Caller, request: Request, mut content: Upload) -> Result<Answer, Fault> {
    let service = request.operation.service;
    let (mut reply, _) = caller.send(&request).await?;
    let mut import = Import { wanted: None, caller: caller.clone() };
    let mut all_sent = false;
    loop {
        let message = import.word(&mut reply, service).await?;
        let headers = message.headers.as_ref();
        let Some(subject) = import.wanted.clone() else {
            return Ok(Answer::Whole(headers::whole(headers, message.payload)));
        };
        if remaining(request.call.deadline).is_zero() {
            return Err(timed_out(service));
        }
        let (piece, last) = if all_sent || headers::is_busy(headers) {
            (Bytes::new(), false)
        } else {
            match content.next().await.transpose()? {
                Some(piece) => (piece, false),
                None => {
                    all_sent = true;
                    (Bytes::new(), true)
                }
            }
        };
        reply = caller.line()?.ask(subject, headers::of_content(last), piece).await?;
    }
}

impl Import {
    /// What the service says to the piece that was sent last, or to the request.
    async fn word(&mut self, reply: &mut Reply, service: &str) -> Result<Message, Fault> {
        let word = reply.wait(self.caller.patience().piece).await;
        let message = word.map_err(|none| match none {
            NoReply::Nobody if self.wanted.take().is_some() => {
                Fault::new(Status::Unavailable, "the service that was importing is gone")
            }
            none => none.from(service),
        })?;
        let headers = message.headers.as_ref();
        self.wanted = headers::next_piece(headers);
        headers::fault(headers, &message.payload).map_or(Ok(message), Err)
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if let Some(subject) = &self.wanted {
            self.caller.give_up(subject);
        }
    }
}

//! Who waits for which reply.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_nats::Message;
use tokio::sync::oneshot;

/// Those who wait for a reply over one connection, by the token of its subject.
#[derive(Default)]
pub(crate) struct Waiting {
    replies: Mutex<Replies>,
}

#[derive(Default)]
struct Replies {
    tokens: u64,
    senders: HashMap<u64, oneshot::Sender<Message>>,
    /// No reply comes any more.
    over: bool,
}

impl Waiting {
    /// A new token, and what is sent to it.
    pub(crate) fn open(&self) -> (u64, oneshot::Receiver<Message>) {
        let (sender, receiver) = oneshot::channel();
        let mut replies = self.lock();
        replies.tokens += 1;
        let token = replies.tokens;
        if !replies.over {
            replies.senders.insert(token, sender);
        }
        (token, receiver)
    }

    /// Nobody waits for this one any more.
    pub(crate) fn close(&self, token: u64) {
        self.lock().senders.remove(&token);
    }

    /// Gives a reply to whoever waits for it, or back where nobody does.
    pub(crate) fn hand_over(&self, message: Message) -> Option<Message> {
        let token = message.subject.rsplit('.').next().and_then(|token| token.parse().ok());
        let sender = token.and_then(|token: u64| self.lock().senders.remove(&token));
        match sender {
            Some(sender) => sender.send(message).err(),
            None => Some(message),
        }
    }

    /// Tells all who wait, and all who come later, that nothing comes any more.
    pub(crate) fn end(&self) {
        let mut replies = self.lock();
        replies.over = true;
        replies.senders.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Replies> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The answering side of an import.
//!
//! Its request is answered with the subject on which the first piece of the content is wanted. Each piece is a request, too,
//! answered as soon as the handler has taken the piece in hand: so one piece is in hand and one on its way, and the handler sets
//! the pace. The answer of the import comes in the place of the next demand, also where the handler has seen enough. A handler
//! that needs longer than [`WORD`] has its sender told so, who asks again with an empty piece: no message waits for long.
//!
//! A sender who gives up is answered by nobody, so nothing may come of his import: its content breaks off, or, where all of it was read,
//! its handler is dropped in the middle of its work.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use configmgt_contract::{Answer, BoxError, Call, Fault, PIECE_BYTES, Status, Upload, Whole};
use futures_util::{StreamExt, stream};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tracing::Instrument;

use crate::handlers::Handler;

/// How long an import waits for a piece, and for its sender to ask what became of it.
const IDLE: Duration = Duration::from_secs(10);

/// After this long a sender has a word from the service, if only that it is busy.
const WORD: Duration = Duration::from_secs(2);

/// What a piece of an import is answered with.
pub(crate) enum Reaction {
    /// The next piece is wanted on this subject; while the service is `busy`, an empty one.
    Demand { subject: String, busy: bool },
    /// The answer to the import.
    Answer(Whole),
}

pub(crate) struct Uploads {
    /// Pieces are wanted on `<subject>.u<id>`: replies have numbers only.
    subject: String,
    most: u32,
    slots: Arc<Semaphore>,
    ids: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Open>>>,
}

/// An import under way.
struct Open {
    pieces: mpsc::Sender<(Bytes, bool)>,
    sender: Arc<Sender>,
    /// Held by the piece that waits for a word: a second one at the same time is refused.
    answer: AsyncMutex<oneshot::Receiver<Result<Whole, Fault>>>,
}

/// What is known of whoever sends an import.
struct Sender {
    /// Whether he has given up, or has his answer.
    gone: watch::Sender<bool>,
    /// When he last asked.
    heard: Mutex<Instant>,
    /// The handler has read all that he sent.
    read: Notify,
}

impl Sender {
    fn new() -> Self {
        Self { gone: watch::Sender::new(false), heard: Mutex::new(Instant::now()), read: Notify::new() }
    }

    fn asks(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn leaves(&self) {
        // It fails when the sender is gone, and we hold the sender.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }

    /// Ends where he waits for the answer no more after all of his content was read: he says so, or asks no more.
    async fn abandons(&self) {
        self.read.notified().await;
        self.asks();
        loop {
            let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let patience = IDLE.saturating_sub(heard.elapsed());
            if patience.is_zero() || timeout(patience, self.leaves()).await.is_ok() {
                return;
            }
        }
    }
}

impl Uploads {
    pub(crate) fn new(subject: String, most: u32) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { subject, most, slots, ids: AtomicU64::new(0), open: Mutex::default() })
    }

    /// Begins to carry an import out, and says where its content is wanted.
    pub(crate) fn begin(self: &Arc<Self>, handler: &Handler, call: Call, body: Bytes) -> Result<Reaction, Fault> {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(Fault::new(Status::Unavailable, "too many imports are under way"));
        };
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (pieces, content) = mpsc::channel(1);
        let (answer, answered) = oneshot::channel();
        let sender = Arc::new(Sender::new());
        let content = content_of(content, Arc::clone(&sender));
        self.lock()
            .insert(id, Arc::new(Open { pieces, sender: Arc::clone(&sender), answer: AsyncMutex::new(answered) }));
        let carried_out = carry_out(handler.clone(), call, body, content);
        let uploads = Arc::clone(self);
        let work = async move {
            let outcome = tokio::select! {
                biased;
                outcome = carried_out => outcome,
                () = sender.abandons() => Err(given_up()),
            };
            // Whoever sent it may have given up.
            let _ = answer.send(outcome);
            uploads.linger(id, slot).await;
        };
        tokio::spawn(work.in_current_span());
        Ok(self.demand(id, false))
    }

    /// Keeps the answer for the sender's next word, but not for ever.
    async fn linger(&self, id: u64, slot: OwnedSemaphorePermit) {
        if let Some(open) = self.find(id) {
            let _ = timeout(IDLE, open.sender.leaves()).await;
        }
        self.lock().remove(&id);
        drop(slot);
    }

    /// Hands the next piece of `token`, the end of its subject, to the handler.
    pub(crate) async fn take(&self, token: &str, piece: Bytes, last: bool) -> Result<Reaction, Fault> {
        let id = number(token).ok_or_else(no_import)?;
        let open = self.find(id).ok_or_else(no_import)?;
        let mut answer = open.answer.try_lock().map_err(|_| unasked())?;
        open.sender.asks();
        if (last || !piece.is_empty())
            && let Err(mpsc::error::TrySendError::Full(_)) = open.pieces.try_send((piece, last))
        {
            return Err(unasked());
        }
        let wanted = async {
            // A handler that takes no more is about to answer.
            if last || open.pieces.reserve().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            answered = &mut *answer => {
                self.lock().remove(&id);
                open.sender.gone.send_replace(true);
                answered.map_err(|_| no_import())?.map(Reaction::Answer)
            }
            () = wanted => Ok(self.demand(id, false)),
            () = sleep(WORD) => Ok(self.demand(id, true)),
        }
    }

    /// Gives the import up: its sender is gone.
    pub(crate) fn cancel(&self, token: &str) {
        let open = number(token).and_then(|id| self.lock().remove(&id));
        if let Some(open) = open {
            open.sender.gone.send_replace(true);
        }
    }

    /// Waits until no import is under way.
    pub(crate) async fn all_done(&self) {
        // An error means that the semaphore was closed, which nobody does.
        let _ = self.slots.acquire_many(self.most).await;
    }

    fn demand(&self, id: u64, busy: bool) -> Reaction {
        Reaction::Demand { subject: format!("{}.u{id}", self.subject), busy }
    }

    fn find(&self, id: u64) -> Option<Arc<Open>> {
        self.lock().get(&id).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether pieces on a subject with this end belong to an import.
pub(crate) fn is_upload(token: &str) -> bool {
    number(token).is_some()
}

fn number(token: &str) -> Option<u64> {
    token.strip_prefix('u')?.parse().ok()
}

async fn carry_out(handler: Handler, call: Call, body: Bytes, content: Upload) -> Result<Whole, Fault> {
    let request_id = call.request_id.clone();
    match handler.handle(call, body, content).await? {
        Answer::Whole(whole) if whole.body.len() <= PIECE_BYTES => Ok(whole),
        Answer::Whole(_) | Answer::Pieces(_) => {
            Err(handler.broken(&request_id, &BoxError::from("the answer to an import is no single piece")))
        }
    }
}

/// The pieces as the handler reads them, up to the last one.
fn content_of(pieces: mpsc::Receiver<(Bytes, bool)>, sender: Arc<Sender>) -> Upload {
    let begun = Some((pieces, sender));
    let content = stream::try_unfold(begun, |state| async {
        let Some((mut pieces, sender)) = state else { return Ok(None) };
        let next = tokio::select! {
            // The last piece of a sender who is gone must not be taken for the end.
            biased;
            () = sender.leaves() => None,
            next = timeout(IDLE, pieces.recv()) => next.ok().flatten(),
        };
        let (piece, last) = next.ok_or_else(broken_off)?;
        if last {
            sender.read.notify_one();
        }
        Ok(Some((piece, (!last).then_some((pieces, sender)))))
    });
    content.boxed()
}

fn broken_off() -> Fault {
    Fault::new(Status::RequestTimeout, "the content did not come to its end")
}

fn given_up() -> Fault {
    Fault::new(Status::TimedOut, "the import was given up and not carried out")
}

fn no_import() -> Fault {
    Fault::new(Status::Unavailable, "the import is no longer under way")
}

fn unasked() -> Fault {
    Fault::new(Status::Invalid, "a piece came that was not asked for")
}

//! The answering side of a streamed reply.
//!
//! The first piece is the reply itself. As long as there is more, a piece names the subject on which the next one can be asked
//! for: the reader sets the pace, and a reader that stops asking is forgotten after a while. Between two pieces the producer works one
//! ahead and then waits.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use configmgt_contract::{Answer, BoxError, Fault, PIECE_BYTES, Pieces, Status, Whole};
use futures_util::{StreamExt, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{sleep, timeout},
};

use crate::handlers::Handler;

/// How long a piece may take to be made: a source that hangs must not keep its place.
const MAKING: Duration = Duration::from_secs(15);

/// A message of a reply on its way.
pub(crate) enum Piece {
    /// All of it.
    Whole(Whole),
    /// A part of it, and where the next one is.
    Part { body: Bytes, next: Option<String> },
}

/// A piece as it is made, with whether it is the last one.
type Made = Result<(Bytes, bool), Fault>;

pub(crate) struct OpenReplies {
    /// Pieces are asked for on `<subject>.<id>`.
    subject: String,
    most: u32,
    /// How long a piece waits to be asked for.
    idle: Duration,
    slots: Arc<Semaphore>,
    ids: AtomicU64,
    open: Mutex<HashMap<u64, mpsc::Receiver<Made>>>,
}

impl OpenReplies {
    pub(crate) fn new(subject: String, most: u32, idle: Duration) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { subject, most, idle, slots, ids: AtomicU64::new(0), open: Mutex::default() })
    }

    /// The first piece of an answer; what follows stays open for [`OpenReplies::pull`].
    pub(crate) async fn first(
        self: &Arc<Self>,
        answer: Answer,
        handler: &Handler,
        request_id: String,
    ) -> Result<Piece, Fault> {
        let pieces = match answer {
            Answer::Whole(whole) if whole.body.len() <= PIECE_BYTES => return Ok(Piece::Whole(whole)),
            // Only an object larger than any loses its version here.
            Answer::Whole(Whole { body, .. }) => in_pieces(body),
            Answer::Pieces(pieces) => pieces,
        };
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return Err(Fault::new(Status::Unavailable, "too many long replies are under way"));
        };
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (made, receiver) = mpsc::channel(1);
        tokio::spawn(Arc::clone(self).produce(id, pieces, (handler.clone(), request_id), made, slot));
        self.lock().insert(id, receiver);
        self.pull(id).await
    }

    /// The next piece of the reply `id`.
    pub(crate) async fn pull(&self, id: u64) -> Result<Piece, Fault> {
        let receiver = self.lock().remove(&id);
        let gone = || Fault::new(Status::Unavailable, "the rest of the reply is no longer there");
        let mut receiver = receiver.ok_or_else(gone)?;
        let (body, last) = receiver.recv().await.ok_or_else(gone)??;
        if last {
            return Ok(Piece::Part { body, next: None });
        }
        self.lock().insert(id, receiver);
        Ok(Piece::Part { body, next: Some(format!("{}.{id}", self.subject)) })
    }

    /// Forgets the reply: its reader is gone.
    pub(crate) fn cancel(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Waits until no reply is open.
    pub(crate) async fn all_read(&self) {
        // An error means that the semaphore was closed, which nobody does.
        let _ = self.slots.acquire_many(self.most).await;
    }

    /// Makes the pieces of the reply `id`, as long as somebody reads it.
    async fn produce(
        self: Arc<Self>,
        id: u64,
        pieces: Pieces,
        answered: (Handler, String),
        made: mpsc::Sender<Made>,
        _slot: OwnedSemaphorePermit,
    ) {
        tokio::select! {
            () = make(pieces, answered, &made, self.idle) => {}
            () = made.closed() => {}
        }
        self.cancel(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, mpsc::Receiver<Made>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes pieces one after the other, until one is not asked for in time.
async fn make(mut pieces: Pieces, (handler, request_id): (Handler, String), made: &mpsc::Sender<Made>, idle: Duration) {
    let mut upcoming = next(&mut pieces).await.unwrap_or_else(|| Ok(Bytes::new()));
    loop {
        let (piece, after) = match upcoming {
            Ok(body) => {
                let after = next(&mut pieces).await;
                (Ok((body, after.is_none())), after)
            }
            Err(error) => (Err(handler.broken(&request_id, &error)), None),
        };
        if !matches!(timeout(idle, made.send(piece)).await, Ok(Ok(()))) {
            return;
        }
        let Some(after) = after else { break };
        upcoming = after;
    }
    // The last one waits, too. Whoever takes it closes the channel.
    sleep(idle).await;
}

async fn next(pieces: &mut Pieces) -> Option<Result<Bytes, BoxError>> {
    timeout(MAKING, pieces.next())
        .await
        .unwrap_or_else(|_| Some(Err("a piece of the reply was not made in time".into())))
}

fn in_pieces(mut body: Bytes) -> Pieces {
    let pieces = std::iter::from_fn(move || {
        let length = body.len().min(PIECE_BYTES);
        (length > 0).then(|| Ok(body.split_to(length)))
    });
    stream::iter(pieces).boxed()
}

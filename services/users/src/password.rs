//! The hashing of passwords, kept from taking more of the machine than the other work leaves.
//!
//! A hash costs some 20 ms of a core and 19 MiB of memory, by intent: whoever steals the hashes must find guessing expensive.
//! Whoever only floods the API with passwords must not find that it stops everything else. So hashes are made on threads of
//! their own, half as many as there are cores and two at most, which give way to all other threads and rest after a wrong password
//! for as long as it took; and few passwords wait for them, the next ones are refused at once.

mod hasher;

use std::{
    io,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Instant,
};

use argon2::password_hash::{self, phc::PasswordHash};
use configmgt_contract::password::Password;
use rustix::process::nice;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::error;

use hasher::Hasher;

/// Passwords that wait for a thread: the last one for a third of a second, or twice that where those before it are wrong.
pub const WAITING: usize = 16;

const MAX_THREADS: usize = 2;

/// How far the threads stand back, from 0 to 19: a thread of the usual niceness gets three times as much of a core.
const NICENESS: i32 = 5;

/// Why a password could not be hashed. None of it is the client's doing.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("the password could not be hashed")]
    Hashing(#[source] password_hash::Error),
    #[error("the stored hash is none")]
    StoredHash(#[source] password_hash::Error),
    #[error("no thread hashes passwords")]
    NoThread,
}

/// The threads that hash, and the way to them. They end with the last clone of this.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    jobs: mpsc::Sender<Job>,
}

/// What a thread does, with what it has at hand.
type Job = Box<dyn FnOnce(&Tools) + Send>;

/// What each thread has of its own.
struct Tools {
    hasher: Hasher,
    /// What passwords are compared with where there is nothing to compare them with, so that the answer comes no sooner.
    decoy: PasswordHash,
}

impl Passwords {
    pub fn start() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2).min(MAX_THREADS);
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            if let Err(error) = spawn(Arc::clone(&waiting)) {
                error!(%error, "a thread that hashes passwords could not be started");
            }
        }
        Self { places: Arc::new(Semaphore::new(threads + WAITING)), jobs }
    }

    /// A place among those that are hashed or wait for that. Never waits: none where too many do.
    pub fn place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { permit, jobs: self.jobs.clone() })
    }

    /// The next place that is free, for work that can wait: whoever uses this bounds how many of it wait.
    pub(crate) async fn next_place(&self) -> Result<Place, HashingError> {
        let permit = Arc::clone(&self.places).acquire_owned().await.map_err(|_| HashingError::NoThread)?;
        Ok(Place { permit, jobs: self.jobs.clone() })
    }
}

/// The right to have one password hashed.
pub struct Place {
    permit: OwnedSemaphorePermit,
    jobs: mpsc::Sender<Job>,
}

impl Place {
    /// The argon2id hash of the password with a new salt, in PHC form.
    pub async fn hash(self, password: Password) -> Result<String, HashingError> {
        self.run(move |tools| tools.hash(&password), |_| false).await
    }

    /// Whether `hash`, in PHC form, is of this password. Without one it takes as long and is not.
    pub async fn verify(self, password: Password, hash: Option<String>) -> Result<bool, HashingError> {
        self.run(move |tools| tools.verify(&password, hash.as_deref()), |is_right| !is_right).await
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Tools) -> Result<T, HashingError> + Send + 'static,
        rests: fn(&T) -> bool,
    ) -> Result<T, HashingError> {
        let Self { permit, jobs } = self;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |tools| {
            if reply.is_closed() {
                return;
            }
            let began = Instant::now();
            let outcome = work(tools);
            let (took, rests) = (began.elapsed(), outcome.as_ref().is_ok_and(rests));
            // Whoever has got an answer finds the place free.
            drop(permit);
            // Whoever asked may have given up meanwhile.
            let _ = reply.send(outcome);
            // The threads are there for this alone: the rest keeps no request waiting but those behind it in their queue.
            if rests {
                thread::sleep(took);
            }
        });
        jobs.send(job).map_err(|_| HashingError::NoThread)?;
        answer.await.map_err(|_| HashingError::NoThread)?
    }
}

fn spawn(waiting: Arc<Mutex<mpsc::Receiver<Job>>>) -> io::Result<()> {
    thread::Builder::new().name("passwords".to_owned()).spawn(move || work(&waiting)).map(|_| ())
}

fn work(waiting: &Mutex<mpsc::Receiver<Job>>) {
    // On Linux niceness belongs to the thread. Where it is not to be had, the threads are still few.
    let _ = nice(NICENESS);
    let tools = match Tools::new() {
        Ok(tools) => tools,
        Err(error) => return error!(error = &error as &dyn std::error::Error, "passwords cannot be hashed"),
    };
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job(&tools);
    }
}

impl Tools {
    fn new() -> Result<Self, HashingError> {
        let hasher = Hasher::default();
        let decoy = hasher.hash(b"").map_err(HashingError::Hashing)?;
        Ok(Self { hasher, decoy })
    }

    fn hash(&self, password: &Password) -> Result<String, HashingError> {
        let hash = self.hasher.hash(password.expose().as_bytes()).map_err(HashingError::Hashing)?;
        Ok(hash.to_string())
    }

    fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, HashingError> {
        let stored = hash.map(PasswordHash::new).transpose().map_err(|error| HashingError::StoredHash(error.into()))?;
        let compared = stored.as_ref().unwrap_or(&self.decoy);
        let is_right = self.hasher.verify(password.expose().as_bytes(), compared).map_err(HashingError::Hashing)?;
        Ok(is_right && stored.is_some())
    }
}

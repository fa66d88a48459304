//! Waiting for what another service has told and this one has not heard yet.
//!
//! A copy that is kept by events is some 30 ms behind. Whoever creates an object and right after it what refers to it does not care
//! that the one has to reach another service as an event, so a write that misses an object waits for it for a moment.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::PgConnection;
use tokio::{sync::Semaphore, time::sleep};

use crate::{connections::Connections, journal::Change};

/// How long a write waits for an object whose creation may be on its way. Usually it is here within 30 ms.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is left of its time to a write that has waited. So all attempts of one write end their wait at the same moment, and whoever
/// asks, and has to hear them all before he knows that it is refused, knows it then.
const RESERVE: Duration = Duration::from_secs(1);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How many writes wait at a time. The edge asks for one that waits again and again, and each time counts.
const WAITING: usize = 16;

/// Says whether the object with this id is here.
pub type IsHere = for<'connection> fn(&'connection mut PgConnection, i32) -> BoxFuture<'connection, sqlx::Result<bool>>;

/// Waits for objects of one kind.
pub struct Arrivals {
    connections: Connections,
    is_here: IsHere,
    waiting: Semaphore,
}

/// What became of the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Here,
    /// It did not come: there is no such object.
    NotHere,
    /// So many wait that this one did not.
    Busy,
}

impl Arrivals {
    pub fn new(connections: Connections, is_here: IsHere) -> Self {
        Self { connections, is_here, waiting: Semaphore::new(WAITING) }
    }

    /// Waits for the object where it is not here. It belongs to the beginning of a write: what the write has done so far may be
    /// undone.
    pub async fn wait(&self, change: &mut Change, id: i32) -> sqlx::Result<Arrival> {
        if (self.is_here)(change.connection(), id).await? {
            return Ok(Arrival::Here);
        }
        let now = Instant::now();
        let until = now + PATIENCE.min(change.call().deadline.saturating_duration_since(now).saturating_sub(RESERVE));
        if until <= now {
            return Ok(Arrival::NotHere);
        }
        let Ok(_place) = self.waiting.try_acquire() else { return Ok(Arrival::Busy) };
        change.apart(self.comes(id, until)).await?
    }

    /// Looks for the object until it is there, or no longer than this.
    async fn comes(&self, id: i32, until: Instant) -> sqlx::Result<Arrival> {
        while Instant::now() < until {
            sleep(PAUSE).await;
            let mut connection = self.connections.lend().await?;
            let is_here = (self.is_here)(&mut connection, id).await;
            if connection.done(is_here)? {
                return Ok(Arrival::Here);
            }
        }
        Ok(Arrival::NotHere)
    }
}

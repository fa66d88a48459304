//! How old a request is, without clocks that agree.
//!
//! A request can lie somewhere for long: in a client's buffer while NATS is down, or in a socket across a network partition.
//! Its patience is a duration, so the service must know how long ago it was sent. The sender stamps each request with its own
//! monotonic clock; the receiver compares with its own. The smallest difference seen is that of a request that came at once,
//! and whatever a request's difference exceeds it by is the request's age.
//!
//! A sender whose clock stood still (a virtual machine that was paused) looks as if all of its requests lay somewhere for as long.
//! It finds out by itself: a reply says how old the request was thought to be, and the sender knows how long ago it sent it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::headers::Stamp;

/// The two clocks may drift apart, so a smallest difference is forgotten after one to two of these.
const WINDOW: Duration = Duration::from_mins(1);

/// Senders remembered; the one that was silent for longest makes room.
const SENDERS: usize = 256;

/// A request that is thought to be older than this is told so in its reply.
pub(crate) const NOTABLE: Duration = Duration::from_millis(100);

/// The sending side's clock, under the name by which receivers know it.
pub(crate) struct Clock {
    began: Instant,
    sender: Mutex<String>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), sender: Mutex::new(name()) }
    }

    /// The stamp of a request that is sent now.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { sender: self.sender().clone(), sent_ms: self.now() }
    }

    /// Whether the request with this stamp is younger than `age`, as which its receiver took it. Then what the receiver knows of
    /// this clock is wrong, and the clock goes on under a new name.
    pub(crate) fn contradicts(&self, stamp: &Stamp, age: Duration) -> bool {
        if age <= Duration::from_millis(self.now().saturating_sub(stamp.sent_ms)) {
            return false;
        }
        let mut sender = self.sender();
        // Of many requests that tell so, the first one is enough.
        if *sender == stamp.sender {
            *sender = name();
        }
        true
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn sender(&self) -> MutexGuard<'_, String> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) struct Freshness {
    origin: Instant,
    senders: Mutex<HashMap<String, Differences>>,
}

/// The smallest differences of this window and of the one before, in milliseconds.
struct Differences {
    window_began: Instant,
    last_seen: Instant,
    current: i64,
    previous: i64,
}

impl Freshness {
    pub(crate) fn new() -> Self {
        Self { origin: Instant::now(), senders: Mutex::default() }
    }

    /// How long ago the request was sent. The first request of a sender counts as fresh.
    pub(crate) fn age(&self, stamp: &Stamp) -> Duration {
        self.age_at(stamp, Instant::now())
    }

    fn age_at(&self, stamp: &Stamp, now: Instant) -> Duration {
        let difference =
            millis(now.saturating_duration_since(self.origin)) - i64::try_from(stamp.sent_ms).unwrap_or(i64::MAX);
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if !senders.contains_key(&stamp.sender) {
            make_room(&mut senders);
            let first = Differences { window_began: now, last_seen: now, current: difference, previous: i64::MAX };
            senders.insert(stamp.sender.clone(), first);
        }
        let Some(differences) = senders.get_mut(&stamp.sender) else { return Duration::ZERO };
        let age = difference.saturating_sub(differences.smallest(now, difference));
        Duration::from_millis(u64::try_from(age).unwrap_or(0))
    }
}

impl Differences {
    fn smallest(&mut self, now: Instant, difference: i64) -> i64 {
        if now.saturating_duration_since(self.window_began) > WINDOW {
            self.window_began = now;
            // A late request must not become the measure of a window: the old smallest goes on beside it.
            self.previous = self.current;
            self.current = i64::MAX;
        }
        self.last_seen = now;
        self.current = self.current.min(difference);
        self.current.min(self.previous)
    }
}

fn make_room(senders: &mut HashMap<String, Differences>) {
    if senders.len() < SENDERS {
        return;
    }
    let silent = senders.iter().min_by_key(|(_, differences)| differences.last_seen).map(|(sender, _)| sender.clone());
    if let Some(silent) = silent {
        senders.remove(&silent);
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(sent_ms: u64) -> Stamp {
        Stamp { sender: "edge".to_owned(), sent_ms }
    }

    #[test]
    fn a_request_that_lay_somewhere_is_as_old_as_it_lay() {
        let freshness = Freshness::new();
        let at = |ms| freshness.origin + Duration::from_millis(ms);
        // The sender's clock is 500 s ahead, which must not matter.
        assert_eq!(freshness.age_at(&stamp(500_000), at(10)), Duration::ZERO);
        assert_eq!(freshness.age_at(&stamp(501_000), at(1_012)), Duration::from_millis(2));
        assert_eq!(freshness.age_at(&stamp(502_000), at(7_010)), Duration::from_secs(5));
    }

    #[test]
    fn a_slow_drift_of_the_clocks_is_forgotten() {
        let freshness = Freshness::new();
        let at = |ms| freshness.origin + Duration::from_millis(ms);
        for minute in 0..600 {
            // The receiver's clock gains 3 ms a minute.
            let age = freshness.age_at(&stamp(minute * 60_000), at(minute * 60_003));
            assert!(age <= Duration::from_millis(9), "{age:?} after {minute} minutes");
        }
    }

    #[test]
    fn the_senders_remembered_are_bounded() {
        let freshness = Freshness::new();
        for sender in 0..SENDERS * 2 {
            freshness.age(&Stamp { sender: sender.to_string(), sent_ms: 0 });
        }
        assert_eq!(freshness.senders.lock().unwrap().len(), SENDERS);
    }
}

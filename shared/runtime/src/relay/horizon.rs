//! Where the outbox can begin.

/// From where on the outbox is read: what lies below has been published and taken away, but the index still leads there until the
/// table is vacuumed.
///
/// A change can commit after others that came to their ids later, so the last id that was read is no such place. But whoever came to
/// its id before a read had begun its transaction by then: once all transactions of that moment have ended, nothing comes any more
/// at or below the ids that the read found.
#[derive(Default)]
pub(super) struct Horizon {
    /// Nothing can be at or below this id.
    pub(super) id: i64,
    /// The last id of an earlier read, and the first transaction that had not begun then.
    next: Option<(i64, i64)>,
}

/// The last id of a read, and of its snapshot the first transaction that has not ended and the first that has not begun.
pub(super) struct Read {
    pub(super) last: i64,
    pub(super) running: i64,
    pub(super) upcoming: i64,
}

impl Horizon {
    /// After everything that a read found was published and taken away.
    pub(super) fn rise(&mut self, Read { last, running, upcoming }: &Read) {
        if let Some((id, ended)) = self.next
            && *running >= ended
        {
            // Whoever could still add an id up to that one had ended before this read, which so found all that was left there,
            // unless it stopped at its limit: then it did not look behind its own last id.
            self.id = id.min(*last);
            self.next = None;
        }
        self.next.get_or_insert((*last, *upcoming));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_rises_when_all_have_ended_who_could_have_come_below_it() {
        let mut horizon = Horizon::default();
        let mut read = |last, running, upcoming| {
            horizon.rise(&Read { last, running, upcoming });
            horizon.id
        };
        // Transaction 7 is under way and may have come to an id below 10.
        assert_eq!(read(10, 7, 9), 0);
        assert_eq!(read(20, 7, 12), 0);
        assert_eq!(read(30, 8, 15), 0);
        // Those before 9 have ended; what they left up to 10 is read by now.
        assert_eq!(read(40, 9, 18), 10);
        assert_eq!(read(50, 17, 30), 10);
        assert_eq!(read(60, 18, 31), 40);
    }

    #[test]
    fn the_horizon_stays_below_what_a_read_left_for_the_next_one() {
        let mut horizon = Horizon::default();
        horizon.rise(&Read { last: 10, running: 7, upcoming: 9 });
        horizon.rise(&Read { last: 4, running: 9, upcoming: 9 });
        assert_eq!(horizon.id, 4);
    }
}

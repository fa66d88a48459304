use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How long a caller waits, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// After this long without an answer a request that may be repeated is asked again, while the first question stays open.
    pub attempt: Duration,
    /// For one piece of a streamed reply, and for a word about one piece of an import.
    pub piece: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempt: Duration::from_millis(250), piece: Duration::from_secs(5) }
    }
}

/// Keeps retries a small share of the requests, so that they cannot keep an overload alive.
///
/// Each request earns a tenth of a retry; what is earned is kept up to [`RetryBudget::MOST`].
pub(crate) struct RetryBudget {
    tenths: Mutex<u32>,
}

impl RetryBudget {
    const MOST: u32 = 100;
    const PRICE_IN_TENTHS: u32 = 10;

    pub(crate) fn new() -> Self {
        Self { tenths: Mutex::new(Self::MOST * Self::PRICE_IN_TENTHS) }
    }

    pub(crate) fn earn(&self) {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        *tenths = (*tenths + 1).min(Self::MOST * Self::PRICE_IN_TENTHS);
    }

    /// Whether one retry may be made now.
    pub(crate) fn spend(&self) -> bool {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        match tenths.checked_sub(Self::PRICE_IN_TENTHS) {
            Some(rest) => {
                *tenths = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stay_a_tenth_of_the_requests_once_the_stock_is_used_up() {
        let budget = RetryBudget::new();
        let stock = (0..1000).filter(|_| budget.spend()).count();
        assert_eq!(stock, 100);
        let later = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(later.count(), 100);
    }
}

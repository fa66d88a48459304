mod clock;

use clock::{ClockRefusal, GetTime, Time};
use configmgt_contract::service;

service! {
    pub trait Clock("time", "clock") refuses ClockRefusal {
        read fn get(GetTime) -> Time, refuses Sleeping;
    }
}

fn main() {}

mod clock;

use clock::{GetTime, Time};
use configmgt_contract::{NoRefusal, service};

service! {
    pub trait Clock("time", "clock") refuses NoRefusal {
        read fn get(GetTime) -> Time;
        read fn look(GetTime) -> Time;
    }
}

fn main() {}

mod clock;

use clock::{GetTime, SetTime, Time, Wall};
use configmgt_contract::{Call, NoRefusal, Outcome, service};

service! {
    pub trait Clock("time", "clock") refuses NoRefusal {
        read fn get(GetTime) -> Time;
        write fn set(SetTime) -> ();
    }
}

impl Clock for Wall {
    async fn get(&self, _: &Call, _: GetTime) -> Outcome<GetTime> {
        Ok(Time { now: 7 })
    }
}

fn main() {}

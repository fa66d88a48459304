mod clock;

use clock::{GetTime, Time, Wall};
use configmgt_contract::{Call, Failure, NoRefusal, Outcome, service};

service! {
    pub trait Clock("time", "clock") refuses NoRefusal {
        read fn get(GetTime) -> Time;
    }
}

fn nothing() -> Result<(), Failure<NoRefusal>> {
    Ok(())
}

impl Clock for Wall {
    async fn get(&self, _: &Call, _: GetTime) -> Outcome<GetTime> {
        nothing()
    }
}

fn main() {}

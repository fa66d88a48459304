mod clock;

use clock::{SetTime, Time, Wall};
use configmgt_contract::{Call, Failure, NoRefusal, Outcome, service};

service! {
    pub trait Clock("time", "clock") refuses NoRefusal {
        write fn set(SetTime) -> ();
    }
}

fn stored() -> Result<Time, Failure<NoRefusal>> {
    Ok(Time { now: 7 })
}

impl Clock for Wall {
    async fn set(&self, _: &mut Call, _: SetTime) -> Outcome<SetTime> {
        stored()
    }
}

fn main() {}

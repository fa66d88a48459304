mod clock;

use clock::{ClockRefusal, GetTime, SetTime, Time, Wall};
use configmgt_contract::{Call, Outcome, service};

service! {
    pub trait Clock("time", "clock") refuses ClockRefusal {
        /// The time now.
        read fn get(GetTime) -> Time;
        /// Sets the clock.
        write fn set(SetTime) -> (), refuses Stopped;
    }
}

impl Clock for Wall {
    async fn get(&self, _: &Call, _: GetTime) -> Outcome<GetTime> {
        Ok(Time { now: 7 })
    }

    async fn set(&self, _: &mut Call, request: SetTime) -> Outcome<SetTime> {
        if request.now == 0 {
            return Err(ClockRefusal::Stopped {}.into());
        }
        Ok(())
    }
}

fn main() {
    let subjects: Vec<_> = Wall::endpoints().iter().map(|endpoint| endpoint.doc.subject()).collect();
    assert_eq!(subjects, ["configmgt.request.time.clock.get", "configmgt.request.time.clock.set"]);
}

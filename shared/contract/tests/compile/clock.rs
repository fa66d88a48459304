//! What the cases declare their services with.

use configmgt_contract::{Example, Owner, Unjournaled, refusals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

refusals! {
    pub enum ClockRefusal {
        Stopped {} => Conflict, "ClockStopped", "The clock has stopped";
    }
}

#[derive(Serialize, Deserialize)]
pub struct GetTime {}

#[derive(Serialize, Deserialize)]
pub struct SetTime {
    pub now: u32,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub struct Time {
    pub now: u32,
}

impl Example for Time {
    fn example() -> Self {
        Self { now: 7 }
    }
}

/// Who answers.
pub struct Wall;

impl Owner for Wall {
    type Changes = Unjournaled;

    fn changes(&self) -> &Unjournaled {
        &Unjournaled
    }
}

//! What is measured, and of whom.

use std::{cell::Cell, time::Duration};

use configmgt_contract::BoxError;

use crate::{
    bus_alone,
    load::{Load, Outcome, write_request},
    pgbench,
    stand::{Stand, TOKEN},
};

/// Whose figures stand beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Product,
    Monolith,
    Pgbench,
    Bus,
}

impl Subject {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Monolith => "monolith",
            Self::Pgbench => "pgbench",
            Self::Bus => "bus alone",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Get,
    /// With a line of log for each request.
    GetLogged,
    /// By an indexed column.
    Find,
    /// By a pattern that begins with text, with some matches.
    Search,
    Create,
    Update,
    List,
}

impl What {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get one",
            Self::GetLogged => "get one, each logged",
            Self::Find => "find by number",
            Self::Search => "find by a pattern",
            Self::Create => "create",
            Self::Update => "update",
            Self::List => "list",
        }
    }
}

/// One measurement: so many connections do this to so many rooms.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its name in the table.
    pub(crate) name: String,
    pub(crate) what: What,
    pub(crate) rooms: u32,
    pub(crate) connections: usize,
}

impl Case {
    pub(crate) fn subjects(&self) -> &'static [Subject] {
        match self.what {
            What::Get if self.connections > 1 => &[Subject::Product, Subject::Monolith, Subject::Pgbench, Subject::Bus],
            _ => &[Subject::Product, Subject::Monolith, Subject::Pgbench],
        }
    }

    pub(crate) async fn run(
        &self,
        stand: &Stand,
        subject: Subject,
        chance: &Chance,
        duration: Duration,
    ) -> Result<Outcome, BoxError> {
        let load = Load { connections: self.connections, duration };
        match subject {
            Subject::Bus => bus_alone::run(stand, load).await,
            Subject::Pgbench => pgbench::run(stand, self.script(), self.rooms, load).await,
            Subject::Product => {
                let base = "/configmgt/api/2.0/meetingrooms";
                let address = if self.what == What::GetLogged { &stand.logging_address } else { &stand.site.listen };
                load.on_http(address, &stand.product(), |into| self.write(into, base, chance)).await
            }
            Subject::Monolith => {
                let base = "/meetingrooms";
                load.on_http(&stand.monolith_address, &stand.reference(), |into| self.write(into, base, chance)).await
            }
        }
    }

    const fn script(&self) -> &'static str {
        match self.what {
            What::Get | What::GetLogged => pgbench::GET,
            What::Find => pgbench::FIND,
            What::Search => pgbench::SEARCH,
            What::Create => pgbench::CREATE,
            What::Update => pgbench::UPDATE,
            What::List => pgbench::LIST,
        }
    }

    /// The next request.
    fn write(&self, into: &mut Vec<u8>, base: &str, chance: &Chance) {
        let id = chance.below(u64::from(self.rooms)) + 1;
        match self.what {
            What::Get | What::GetLogged => write_request(into, "GET", &format!("{base}/{id}"), TOKEN, ""),
            What::List => write_request(into, "GET", base, TOKEN, ""),
            What::Find => {
                let number = id + 1000;
                let body = format!(
                    r#"{{"filters":[{{"field":"number","operator":"=","value":"{number}","order":"ASC"}}],"offset":0,"limit":100}}"#
                );
                write_request(into, "POST", &format!("{base}/find"), TOKEN, &body);
            }
            What::Search => {
                let name = format!("Meeting room number {}%", 100 + id % 900);
                let body = format!(
                    r#"{{"filters":[{{"field":"displayName","operator":"like","value":"{name}","order":"ASC"}}],"offset":0,"limit":10}}"#
                );
                write_request(into, "POST", &format!("{base}/find"), TOKEN, &body);
            }
            What::Update => {
                let number = id + 1000;
                let changed = chance.below(u64::MAX);
                let body = format!(
                    r#"{{"id":{id},"name":"room{id}","displayName":"Changed {changed}","number":{number},"userPin":1234}}"#
                );
                write_request(into, "PUT", base, TOKEN, &body);
            }
            What::Create => {
                let number = 1_000_000_000 + chance.below(9_000_000_000_000);
                let body = format!(r#"{{"name":"new{number}","displayName":"New","number":{number}}}"#);
                write_request(into, "POST", base, TOKEN, &body);
            }
        }
    }
}

/// Numbers that look random: which rooms are asked for (xorshift).
pub(crate) struct Chance(Cell<u64>);

impl Chance {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state % limit
    }
}

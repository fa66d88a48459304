//! What a flood of wrong passwords leaves of the other endpoints.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::{Duration, Instant},
};

use configmgt_contract::BoxError;
use futures_util::future::{join, try_join_all};
use tokio::time::sleep_until;

use crate::{
    cases::Chance,
    figures::{Figure, median},
    load::{Connection, Load, Outcome, write_request},
    stand::{Stand, TOKEN},
};

/// Attempts a second.
const RATE: u32 = 2000;

/// Over so many connections the attempts come. Only those that wait for a hash are taken for long.
const ATTACKERS: usize = 64;

/// Rooms, and users with lines.
const OBJECTS: u32 = 1000;

/// Over so many connections the objects are read.
const READERS: usize = 16;

const ROUNDS: u32 = 5;

/// Whose passwords are tried.
#[derive(Clone, Copy)]
enum Names {
    /// Of so many users, who are soon blocked.
    Of(u64),
    /// Nobody's, and hardly one twice: each is counted for the first time.
    Random,
}

impl Names {
    const ALL: [Self; 2] = [Self::Of(64), Self::Random];

    fn described(self) -> String {
        match self {
            Self::Of(count) => format!("over {count} names"),
            Self::Random => "over random names".to_owned(),
        }
    }

    fn next(self, chance: &Chance) -> String {
        match self {
            Self::Of(count) => format!("user{}", 1 + chance.below(count)),
            Self::Random => format!("nobody{}", chance.below(u64::MAX)),
        }
    }
}

/// What is read meanwhile: the path of an object, as it goes before and behind its id.
const READS: [(&str, &str, &str); 2] = [
    ("get a meeting room", "/configmgt/api/2.0/meetingrooms/", ""),
    ("get a user's line", "/configmgt/api/2.0/users/", "/line"),
];

/// The attempts that were answered, by status.
type Attempts = BTreeMap<u16, u64>;

/// Reads for so long in each round, in turns without and with [`RATE`] attempts a second beside it, and prints the ratios.
pub(crate) async fn measure(duration: Duration) -> Result<(), BoxError> {
    let stand = Stand::start().await?;
    stand.fill(OBJECTS).await?;
    stand.fill_users(OBJECTS).await?;
    let chance = Chance::new();
    for names in Names::ALL {
        for (name, before, behind) in READS {
            let read = |into: &mut Vec<u8>| {
                let id = chance.below(u64::from(OBJECTS)) + 1;
                write_request(into, "GET", &format!("{before}{id}{behind}"), TOKEN, "");
            };
            let (mut alone, mut flooded, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let load = Load { connections: READERS, duration };
                alone.push(Figure::from(load.on_http(&stand.site.listen, &stand.product(), read).await?));
                let (outcome, round) = beside_flood(&stand, names, &chance, load, read).await?;
                flooded.push(Figure::from(outcome));
                attempts.push(round);
            }
            say(&format!("{name}, {}", names.described()), &alone, &flooded, &attempts);
        }
    }
    Ok(())
}

/// How the load went, and how the attempts were answered, each second.
async fn beside_flood(
    stand: &Stand,
    names: Names,
    chance: &Chance,
    load: Load,
    read: impl Fn(&mut Vec<u8>),
) -> Result<(Outcome, BTreeMap<u16, f64>), BoxError> {
    let attackers = try_join_all((0..ATTACKERS).map(|_| Connection::open(&stand.site.listen))).await?;
    let began = Instant::now();
    let (turns, over, attempts) = (Cell::new(0), Cell::new(false), RefCell::new(Attempts::new()));
    let flooding = attackers.into_iter().map(async |mut connection| {
        let mut request = Vec::new();
        while !over.get() {
            // Whichever connection is free makes the next attempt, so those that wait do not slow the flood.
            let turn: u32 = turns.replace(turns.get() + 1);
            sleep_until((began + Duration::from_secs(1) * turn / RATE).into()).await;
            let username = names.next(chance);
            let body = format!(r#"{{"username":"{username}","password":"wrong"}}"#);
            request.clear();
            write_request(&mut request, "POST", "/configmgt/api/2.0/user/validate", TOKEN, &body);
            let status = connection.attempt(&request).await?;
            *attempts.borrow_mut().entry(status).or_default() += 1;
        }
        Ok::<_, BoxError>(())
    });
    let loading = async {
        let outcome = load.on_http(&stand.site.listen, &stand.product(), read).await;
        over.set(true);
        outcome
    };
    let (outcome, flooded) = join(loading, try_join_all(flooding)).await;
    flooded?;
    let seconds = began.elapsed().as_secs_f64();
    let rates = attempts.into_inner().into_iter().map(|(status, count)| (status, count as f64 / seconds));
    Ok((outcome?, rates.collect()))
}

fn say(name: &str, alone: &[Figure], flooded: &[Figure], attempts: &[BTreeMap<u16, f64>]) {
    let of = |figures: &[Figure], figure: fn(&Figure) -> f64| median(figures.iter().map(figure).collect());
    for (how, figures) in [("alone", alone), ("flooded", flooded)] {
        println!(
            "{name:<38} {how:<8} {:>9.1}/s  p50 {:>8.3} ms  p99 {:>8.3} ms",
            of(figures, |figure| figure.rate),
            of(figures, |figure| figure.p50),
            of(figures, |figure| figure.p99),
        );
    }
    let ratios = flooded.iter().zip(alone).map(|(flooded, alone)| flooded.rate / alone.rate);
    let mut statuses: Vec<u16> = attempts.iter().flat_map(BTreeMap::keys).copied().collect();
    statuses.sort_unstable();
    statuses.dedup();
    let answered = statuses.iter().map(|status| {
        let rates = attempts.iter().map(|round| round.get(status).copied().unwrap_or_default());
        format!("{status} {:.0}/s", median(rates.collect()))
    });
    println!(
        "{name:<38} ratio {:.2}; attempts answered {}",
        median(ratios.collect()),
        answered.collect::<Vec<_>>().join(", ")
    );
}

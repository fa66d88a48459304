//! What the product takes, measured over real servers.
//!
//! `configmgt-benchmarks table` measures everything and writes it into `docs/performance.md`; `growth` measures how it grows with
//! rooms and replicas; `services` what the other services answer; `lag [a second] [seconds]` how long events take; `flood [seconds]`
//! what 2,000 attempts a second to log in with a wrong password leave of the reads beside them; `import [rows] [users or callbacks]`
//! what an import takes; `check` compares a short run with the committed table; `load [case] [seconds]` only makes load, to be
//! profiled. A case's name as a further argument of `table` measures only the cases whose names contain it, and writes nothing.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and shares of them, far from the limits"
)]

mod bus_alone;
mod cases;
mod figures;
mod flood;
mod import;
mod lag;
mod load;
mod monolith;
mod pgbench;
mod report;
mod services;
mod stand;
mod usage;

use std::{env, process::ExitCode, time::Duration};

use configmgt_contract::{BoxError, chain};

use crate::{
    cases::{Case, Chance, Subject, What},
    figures::Measured,
    stand::Stand,
};

const ROUNDS: u32 = 5;
const DURATION: Duration = Duration::from_secs(2);

/// How far a ratio may fall before the check says so.
const FALL: f64 = 0.3;

/// After so many rounds a fall is one.
const MOST_ROUNDS: u32 = 20;

/// What the check looks at.
const CHECKED: [&str; 4] = ["get one", "find by number", "update", "list 10,000"];

fn cases() -> Vec<Case> {
    let case = |name: &str, what, rooms, connections| Case { name: name.to_owned(), what, rooms, connections };
    vec![
        case("get one", What::Get, 10_000, 32),
        case("get one, each logged", What::GetLogged, 10_000, 32),
        case("get one, one connection", What::Get, 10_000, 1),
        case("find by number", What::Find, 10_000, 32),
        case("find by a pattern", What::Search, 10_000, 32),
        case("update", What::Update, 10_000, 32),
        case("create", What::Create, 10_000, 32),
        case("list 100", What::List, 100, 32),
        case("list 10,000", What::List, 10_000, 1),
        case("list 100,000", What::List, 100_000, 1),
    ]
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let command = arguments.first().map_or("table", String::as_str);
    if command == monolith::NAME {
        return monolith::main();
    }
    if let Some(code) = configmgt_launcher::process(command) {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(BoxError::from).and_then(|runtime| runtime.block_on(run(command, &arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benchmarks: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &str, arguments: &[String]) -> Result<(), BoxError> {
    let argument = |place: usize| arguments.get(place).map(String::as_str);
    match command {
        bus_alone::NAME => bus_alone::answer().await,
        "table" => table(argument(1)).await,
        "growth" => growth().await,
        "services" => services::measure().await,
        "lag" => lag::measure(argument(1).unwrap_or("2000").parse()?, argument(2).unwrap_or("20").parse()?).await,
        "flood" => flood::measure(Duration::from_secs_f64(argument(1).unwrap_or("2").parse()?)).await,
        "import" => import::measure(argument(1).unwrap_or("50000").parse()?, argument(2).unwrap_or("users")).await,
        "check" => check().await,
        "load" => load(argument(1).unwrap_or("get one"), argument(2).unwrap_or("20").parse()?).await,
        other => Err(format!(
            "{other}: no such measurement; there are table, growth, services, lag, flood, import, load and check"
        )
        .into()),
    }
}

async fn table(only: Option<&str>) -> Result<(), BoxError> {
    let stand = Stand::start().await?;
    let _echo = stand.echo()?;
    let chance = Chance::new();
    let mut all = Vec::new();
    let mut filled = 0;
    for case in cases().into_iter().filter(|case| only.is_none_or(|only| case.name.contains(only))) {
        if filled != case.rooms {
            stand.fill(case.rooms).await?;
            filled = case.rooms;
        }
        all.push(several_rounds(&stand, &chance, case).await?);
    }
    let memory = stand.memory()?;
    println!("{memory}");
    if only.is_some() {
        return Ok(());
    }
    let machine = stand.described().await?;
    report::into_documents("table", &format!("{machine}.\n\n{}\n{memory}\n", report::table(&all)))?;
    std::fs::write(report::documents().join("performance.svg"), report::picture(&all))?;
    report::keep(&report::ratios(&all))
}

/// How the product grows with the rooms, and with the replicas.
async fn growth() -> Result<(), BoxError> {
    let mut stand = Stand::start().await?;
    let chance = Chance::new();
    let mut all = Vec::new();
    for rooms in [1_000, 100_000, 1_000_000] {
        stand.fill(rooms).await?;
        for what in [What::Get, What::Find, What::Search, What::Update, What::List] {
            let connections = if what == What::List { 1 } else { 32 };
            let name = format!("{}, {} rooms", what.name(), report::count(f64::from(rooms)));
            all.push(grown(&stand, &chance, Case { name, what, rooms, connections }).await?);
        }
    }
    stand.fill(10_000).await?;
    for replicas in [1, 2, 4] {
        while stand.replicas() < replicas {
            stand.another_meetingroom().await?;
        }
        for what in [What::Get, What::Update] {
            let name = format!("{}, {replicas} replicas", what.name());
            all.push(grown(&stand, &chance, Case { name, what, rooms: 10_000, connections: 32 }).await?);
        }
    }
    report::into_documents("growth", &format!("{}\n{}\n", report::table(&all), stand.memory()?))
}

async fn grown(stand: &Stand, chance: &Chance, case: Case) -> Result<Measured, BoxError> {
    // Long enough for some lists of a million.
    let duration = Duration::from_secs(1 + u64::from(case.rooms / 200_000));
    let mut measured = Measured::of_subjects(case, &[Subject::Product, Subject::Monolith]);
    for _ in 0..3 {
        measured.round(stand, chance, duration).await?;
    }
    report::say(&measured);
    Ok(measured)
}

/// Fails where a ratio has fallen by more than [`FALL`] against the committed table. More rounds are made as long as that looks so,
/// because noise goes away with them and a fall does not.
async fn check() -> Result<(), BoxError> {
    let committed = report::committed()?;
    let stand = Stand::start().await?;
    let chance = Chance::new();
    stand.fill(10_000).await?;
    let mut fallen = Vec::new();
    for case in cases().into_iter().filter(|case| CHECKED.contains(&case.name.as_str())) {
        let asked = committed.get(&case.name).ok_or_else(|| format!("{} is not in the committed table", case.name))?;
        let mut measured = Measured::of_subjects(case, &[Subject::Product, Subject::Monolith]);
        let mut ratio = f64::NAN;
        for round in 1..=MOST_ROUNDS {
            measured.round(&stand, &chance, Duration::from_secs(1)).await?;
            ratio = measured.ratio(Subject::Monolith, |figure| figure.rate);
            if round >= ROUNDS && ratio >= asked * (1.0 - FALL) {
                break;
            }
        }
        println!("{}: {ratio:.2} times the monolith, {asked:.2} in the committed table", measured.case.name);
        if ratio < asked * (1.0 - FALL) {
            fallen.push(measured.case.name);
        }
    }
    if fallen.is_empty() {
        Ok(())
    } else {
        Err(format!("slower than the committed table: {}", fallen.join(", ")).into())
    }
}

/// Loads the product alone for so many seconds, for a profiler to watch; says which processes it should watch.
async fn load(name: &str, seconds: u64) -> Result<(), BoxError> {
    let case = cases().into_iter().find(|case| case.name == name).ok_or_else(|| format!("{name}: no such case"))?;
    let stand = Stand::start().await?;
    stand.fill(case.rooms).await?;
    let (edge, service) = (stand.edge.pid(), stand.service("meetingroom")?.pid());
    println!(
        "edge {edge}, meetingroom {service}, nats-server {}, PostgreSQL {}",
        stand.nats.pid(),
        stand.postgres.pid()
    );
    let parts = stand.parts()?;
    let before = parts.iter().map(|(_, watched)| watched.usage()).collect::<Result<Vec<_>, _>>()?;
    let outcome = case.run(&stand, Subject::Product, &Chance::new(), Duration::from_secs(seconds)).await?;
    println!("{} answers, {:.0} a second", outcome.answers(), outcome.per_second());
    for ((name, watched), before) in parts.iter().zip(before) {
        let micros = watched.usage()?.since(&before).micros() / outcome.answers() as f64;
        println!("{name}: {micros:.1} µs an answer");
    }
    Ok(())
}

async fn several_rounds(stand: &Stand, chance: &Chance, case: Case) -> Result<Measured, BoxError> {
    let mut measured = Measured::new(case);
    for _ in 0..ROUNDS {
        measured.round(stand, chance, DURATION).await?;
    }
    report::say(&measured);
    Ok(measured)
}

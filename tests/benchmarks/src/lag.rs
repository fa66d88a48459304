//! `event-lag [writes a second] [seconds]`: how long after its change an event is in the stream.
//!
//! From `ce-time`, taken while the change is made and so before its commit, to the moment at which the server stored the event:
//! both by the same clock, as everything runs on one machine.

use std::{
    env,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use configmgt_contract::{BoxError, chain, events::stream};
use configmgt_stack::{
    Output,
    databases::Database,
    port,
    product::{self, Bus, EDGE, OPERATOR, Site},
    scratch,
};
use futures_util::future::join_all;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The rooms that are changed.
const ROOMS: u32 = 200;

const TOKEN: &str = "a token for benchmarks";

fn main() -> ExitCode {
    if let Some(code) = env::args().nth(1).and_then(|name| configmgt_launcher::process(&name)) {
        return code;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = runtime.map_err(BoxError::from).and_then(|runtime| runtime.block_on(measure()));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event-lag: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<(), BoxError> {
    let argument = |place: usize, usual: u32| env::args().nth(place).map_or(Ok(usual), |argument| argument.parse());
    let (rate, seconds) = (argument(1, 500)?, argument(2, 20)?);
    let postgres = scratch::durable_postgres()?;
    let Database { owner, accounts } = Database::on(&postgres).await?;
    let nats = scratch::durable_nats(&accounts.nats_config())?;
    let listen = format!("127.0.0.1:{}", port::free()?);
    let site = Site {
        program: env::current_exe()?,
        accounts,
        database: owner,
        nats: Bus::Private(format!("127.0.0.1:{}", nats.port())),
        listen: listen.clone(),
        token: TOKEN.to_owned(),
        settings: vec![("RUST_LOG".to_owned(), "error".to_owned())],
        output: Output::Inherit,
    };
    let _services = product::services().map(|name| site.spawn(name)).collect::<Result<Vec<_>, _>>()?;
    let _edge = site.spawn(EDGE)?;
    let client = Arc::new(Client { http: reqwest::Client::new(), url: format!("http://{listen}") });
    client.ready().await;
    for id in 1..=ROOMS {
        client.write("POST", id, "new").await?;
    }

    let began = Instant::now();
    let mut writes = Vec::new();
    for turn in 0..rate * seconds {
        tokio::time::sleep_until((began + Duration::from_secs(1) * turn / rate).into()).await;
        let client = Arc::clone(&client);
        writes.push(tokio::spawn(async move { client.write("PUT", turn % ROOMS + 1, &format!("turn {turn}")).await }));
    }
    for write in join_all(writes).await {
        write??;
    }
    let took = began.elapsed();

    let lags = lags(&site, usize::try_from(rate * seconds)?).await?;
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let place = (lags.len() as f64 * share) as usize;
        lags[place.min(lags.len() - 1)].as_secs_f64() * 1000.0
    };
    println!(
        "{} changes, {:.0} a second: event in the stream after p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        lags.len(),
        f64::from(rate * seconds) / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    Ok(())
}

struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    async fn ready(&self) {
        let ready = async || self.http.get(format!("{}/readyz", self.url)).send().await;
        while !ready().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn write(&self, method: &str, id: u32, name: &str) -> Result<(), BoxError> {
        let room = json!({"id": id, "name": format!("room{id}"), "displayName": name, "number": 1000 + id});
        let url = format!("{}/configmgt/api/2.0/meetingrooms", self.url);
        let request = self.http.request(method.parse()?, url).header("X-Auth-Token", TOKEN).json(&room);
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

/// The lags of the last `count` events, from the smallest.
async fn lags(site: &Site, count: usize) -> Result<Vec<Duration>, BoxError> {
    let url = site.nats_url(OPERATOR);
    let (account, address) = url.trim_start_matches("nats://").split_once('@').ok_or("no account")?;
    let (user, password) = account.split_once(':').ok_or("no password")?;
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let context = jetstream::new(options.connect(address).await?);
    let stream = context.get_stream(stream("meetingroom")).await?;
    let expected = u64::try_from(count)? + u64::from(ROOMS);
    while stream.get_info().await?.state.last_sequence < expected {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut lags = Vec::with_capacity(count);
    for sequence in u64::from(ROOMS) + 1..=expected {
        let message = stream.direct_get(sequence).await?;
        let made = message.headers.get("ce-time").ok_or("an event without its time")?;
        let made = OffsetDateTime::parse(made.as_str(), &Rfc3339)?;
        let stored = OffsetDateTime::from_unix_timestamp_nanos(message.time.unix_timestamp_nanos())?;
        lags.push((stored - made).unsigned_abs());
    }
    lags.sort_unstable();
    Ok(lags)
}

//! How long after its change an event is in the stream.
//!
//! From `ce-time`, taken while the change is made and so before its commit, to the moment at which the server stored the event:
//! both by the same clock, as everything runs on one machine.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::jetstream::{self, consumer::pull::OrderedConfig};
use configmgt_contract::{BoxError, events::stream};
use configmgt_stack::product::OPERATOR;
use futures_util::{
    StreamExt,
    future::{join_all, try_join_all},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::sleep_until;

use crate::{
    bus_alone,
    load::{Connection, write_request},
    stand::{Stand, TOKEN},
};

/// The rooms that are changed.
const ROOMS: u32 = 1000;

const CONNECTIONS: u32 = 64;

/// Changes `rate` rooms a second for so many seconds.
pub(crate) async fn measure(rate: u32, seconds: u32) -> Result<(), BoxError> {
    let stand = Stand::start().await?;
    stand.fill(ROOMS).await?;
    let opened = (0..CONNECTIONS).map(|_| Connection::open(&stand.site.listen));
    let connections = try_join_all(opened).await?;
    let began = Instant::now();
    let writing = connections.into_iter().zip(0..CONNECTIONS).map(async |(mut connection, first)| {
        let mut request = Vec::new();
        for turn in (first..rate * seconds).step_by(CONNECTIONS as usize) {
            sleep_until((began + Duration::from_secs(1) * turn / rate).into()).await;
            let id = turn % ROOMS + 1;
            let number = 1000 + id;
            let body = format!(
                r#"{{"id":{id},"name":"room{id}","displayName":"Turn {turn}","number":{number},"userPin":{number}}}"#
            );
            request.clear();
            write_request(&mut request, "PUT", "/configmgt/api/2.0/meetingrooms", TOKEN, &body);
            connection.ask(&request).await?;
        }
        Ok::<_, BoxError>(())
    });
    join_all(writing).await.into_iter().collect::<Result<(), _>>()?;
    let took = began.elapsed();
    let lags = lags(&stand, u64::from(rate * seconds)).await?;
    let at = |share: f64| lags[((lags.len() as f64 * share) as usize).min(lags.len() - 1)].as_secs_f64() * 1000.0;
    println!(
        "{} changes, {:.0} a second: event in the stream after p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms; order kept",
        lags.len(),
        f64::from(rate * seconds) / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    Ok(())
}

/// The lags of `count` events, from the smallest. Fails where the events of a room are out of order or have a gap.
async fn lags(stand: &Stand, count: u64) -> Result<Vec<Duration>, BoxError> {
    let context = jetstream::new(bus_alone::connect(&stand.site.nats_url(OPERATOR)).await?);
    let stream = context.get_stream(stream("meetingroom")).await?;
    while stream.get_info().await?.state.last_sequence < count {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let consumer = stream.create_consumer(OrderedConfig::default()).await?;
    let mut messages = consumer.messages().await?;
    let mut lags = Vec::with_capacity(count as usize);
    let mut versions: HashMap<String, i64> = HashMap::new();
    for sequence in 1..=count {
        let message = messages.next().await.ok_or("the stream ended")??;
        let headers = message.headers.as_ref().ok_or("an event without headers")?;
        let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        let (object, made) = header("ce-subject").zip(header("ce-time")).ok_or("an event without its headers")?;
        let version: i64 = header("ce-objectversion").ok_or("an event without a version")?.parse()?;
        // Rooms are filled in as they are, so the first change of each makes version 2.
        let before = versions.insert(object, version).unwrap_or(1);
        if version != before + 1 {
            return Err(format!("event {sequence}: version {version} after version {before}").into());
        }
        let made = OffsetDateTime::parse(&made, &Rfc3339)?;
        let stored = message.info().map_err(|error| error.to_string())?.published;
        let stored = OffsetDateTime::from_unix_timestamp_nanos(stored.unix_timestamp_nanos())?;
        lags.push((stored - made).unsigned_abs());
    }
    lags.sort_unstable();
    Ok(lags)
}

//! Replies that come in pieces.

use std::time::{Duration, Instant};

use bytes::Bytes;
use configmgt_bus::{Limits, Request, Transport};
use configmgt_contract::{Answer, Call, Fault, PIECE_BYTES, Status};
use futures_util::StreamExt;

use crate::{
    Bus, ask, ask_by, call,
    echo::{self, Count, Echo, Say},
    exchange, headers, text,
};

/// A list of two pieces.
const TWO_PIECES: u32 = 60_000;

#[tokio::test]
async fn a_long_listing_comes_in_pieces_and_only_as_fast_as_it_is_read() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let request = Request::new(&Count { items: 2_000_000 }, call()).unwrap();
    let Answer::Pieces(mut pieces) = bus.caller().await.call(request).await.unwrap() else { panic!("one piece") };
    let mut whole = pieces.next().await.unwrap().unwrap().to_vec();
    // The reader stops here. What is asked for ahead arrives, what is made ahead is made, and then the producer waits.
    let ahead = echo.settled_batches().await;
    assert!(ahead < echo::batches(2_000_000) / 4, "{ahead} batches were made for a reader that took one piece");
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= PIECE_BYTES);
        whole.extend_from_slice(&piece);
    }
    let numbers: Vec<u32> = serde_json::from_slice(&whole).unwrap();
    assert!(numbers.into_iter().eq(0..2_000_000));
}

#[tokio::test]
async fn a_reader_that_goes_away_makes_room_for_the_next_one() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits { streams: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let long = || Request::new(&Count { items: 2_000_000 }, call()).unwrap();
    let first = caller.call(long()).await.unwrap();
    let refused = caller.call(long()).await.err().unwrap();
    assert_eq!(refused, Fault::new(Status::Unavailable, "too many long replies are under way"));
    drop(first);
    let room = async {
        while caller.call(long()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), room).await.unwrap();
}

#[tokio::test]
async fn a_listing_that_breaks_half_way_ends_in_an_error() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    let request = Request::new(&Count { items: echo::BREAKS }, call()).unwrap();
    let Answer::Pieces(pieces) = bus.caller().await.call(request).await.unwrap() else { panic!("one piece") };
    let ends: Vec<bool> = pieces.map(|piece| piece.is_ok()).collect().await;
    assert_eq!(ends.last(), Some(&false));
}

#[tokio::test]
async fn a_last_piece_that_nobody_asks_for_makes_room_and_is_forgotten() {
    let bus = Bus::start();
    let limits = Limits { streams: 1, idle: Duration::from_millis(100), ..Limits::default() };
    let _server = bus.serve(&Echo::new(), limits).await;
    let client = async_nats::connect(bus.nats.url()).await.unwrap();
    let list = format!(r#"{{"items": {TWO_PIECES}}}"#);
    let first = exchange(&client, "configmgt.request.echo.echo.count", headers(), list).await;
    let rest = first.headers.unwrap().get("Configmgt-Next").unwrap().to_string();
    let caller = bus.caller().await;
    let room = async {
        while ask(&caller, Count { items: TWO_PIECES }).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), room).await.unwrap();
    let gone = exchange(&client, rest, headers(), Bytes::new()).await;
    let envelope = r#"{"error":"ServiceUnavailable","message":"the rest of the reply is no longer there"}"#;
    assert_eq!(gone.payload, envelope);
}

#[tokio::test]
async fn a_list_whose_beginning_does_not_come_is_given_up_at_the_deadline() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits { requests: 1, streams: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let call = Call { deadline: Instant::now() + Duration::from_millis(200), ..call() };
    assert_eq!(ask_by(&caller, Count { items: echo::STALLS }, call).await.unwrap_err().status, Status::TimedOut);
    let room = async {
        loop {
            let said = ask(&caller, Say { text: "me".to_owned() }).await;
            let listed = ask(&caller, Count { items: TWO_PIECES }).await;
            if said == Ok(text("me")) && listed.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), room).await.unwrap();
}

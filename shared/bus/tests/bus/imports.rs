//! Imports over a real nats-server, and without one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use configmgt_bus::{Caller, Limits, Local, Request, Transport};
use configmgt_contract::{Answer, Call, Fault, PIECE_BYTES, Status, Upload, Whole};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    Bus, call,
    echo::{self, Echo, Measure},
    exchange, headers,
};

async fn measure(transport: &impl Transport, most: usize, content: Upload) -> Result<Value, Fault> {
    let call = Call { deadline: Instant::now() + Duration::from_mins(1), ..call() };
    let body = match transport.import(Request::new(&Measure { most }, call).unwrap(), content).await? {
        Answer::Whole(Whole { body, .. }) => body,
        Answer::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await.unwrap().concat().into(),
    };
    Ok(serde_json::from_slice(&body).unwrap())
}

/// So many full pieces, and how many of them were taken.
fn pieces(count: usize) -> (Upload, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let pieces = (0..count).map(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Bytes::from(vec![b'x'; PIECE_BYTES]))
    });
    (stream::iter(pieces).boxed(), taken)
}

/// A content whose pieces are sent by hand. It ends with the sender.
fn by_hand() -> (mpsc::UnboundedSender<Bytes>, Upload) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let content = stream::unfold(receiver, async |mut pieces| pieces.recv().await.map(|piece| (Ok(piece), pieces)));
    (sender, content.boxed())
}

/// Imports once more where there is one place only, as soon as it is given back: just after the import before has ended.
async fn the_place_is_free_again(caller: &Caller) {
    let taken = Fault::new(Status::Unavailable, "too many imports are under way");
    let next = loop {
        let next = measure(caller, 0, stream::empty().boxed()).await;
        if next != Err(taken.clone()) {
            break next;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(next, Ok(json!({"bytes": 0})));
}

#[tokio::test]
async fn the_whole_content_reaches_the_handler_with_a_bus_between_and_without() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = &bus.caller().await;
    let local = Local::default().with(Arc::new(echo::handlers(&echo)));
    let all = 40 * PIECE_BYTES;
    assert_eq!(measure(caller, all, pieces(40).0).await, Ok(json!({"bytes": all})));
    assert_eq!(measure(&local, all, pieces(40).0).await, Ok(json!({"bytes": all})));
    assert_eq!(measure(caller, 0, stream::empty().boxed()).await, Ok(json!({"bytes": 0})));
}

#[tokio::test]
async fn a_handler_that_has_seen_enough_is_sent_no_more() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    let (content, taken) = pieces(1000);
    let refused = measure(&caller, PIECE_BYTES, content).await;
    let message = format!("will not say more than {PIECE_BYTES} bytes");
    assert_eq!(refused, Err(Fault::coded(Status::Conflict, "Unspeakable", message)));
    assert!(taken.load(Ordering::Relaxed) <= 4, "{taken:?}");
}

#[tokio::test]
async fn a_handler_sets_the_pace_and_may_take_longer_than_a_message_may_wait() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    let (rest, taken) = pieces(100);
    let content = stream::iter([Ok(Bytes::from_static(b"wait"))]).chain(rest).boxed();
    let importing = tokio::spawn(async move { measure(&caller, usize::MAX, content).await });
    echo.begun.notified().await;
    // Longer than the service lets any message wait for a word, and than the sender waits for one.
    assert!(tokio::time::timeout(Duration::from_secs(6), echo.gone.notified()).await.is_err());
    let ahead = taken.load(Ordering::Relaxed);
    assert!(ahead <= 1, "{ahead} pieces were taken for a handler that takes none");
    assert_eq!(echo.read.load(Ordering::Relaxed), 4);
    echo.go_on.notify_one();
    assert_eq!(importing.await.unwrap(), Ok(json!({"bytes": 4 + 100 * PIECE_BYTES})));
}

#[tokio::test]
async fn an_import_whose_sender_gives_up_breaks_off_at_once() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let (pieces, content) = by_hand();
    let importing = tokio::spawn({
        let caller = caller.clone();
        async move { measure(&caller, usize::MAX, content).await }
    });
    pieces.send(Bytes::from_static(b"begun")).unwrap();
    echo.begun.notified().await;
    // The service asks for the next piece as soon as it has this one.
    pieces.send(Bytes::from_static(b"more")).unwrap();
    echo.begun.notified().await;
    let began = Instant::now();
    importing.abort();
    echo.gone.notified().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let broken_off = Fault::new(Status::RequestTimeout, "the content did not come to its end");
    assert_eq!(*echo.broken_off.lock().unwrap(), [broken_off]);
    the_place_is_free_again(&caller).await;
}

#[tokio::test]
async fn an_import_given_up_after_all_of_its_content_was_sent_is_not_carried_out() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let content = stream::iter([Ok(Bytes::from_static(b"wait at the end"))]).boxed();
    let importing = tokio::spawn({
        let caller = caller.clone();
        async move { measure(&caller, usize::MAX, content).await }
    });
    echo.begun.notified().await;
    importing.abort();
    tokio::time::timeout(Duration::from_secs(5), echo.gone.notified()).await.unwrap();
    the_place_is_free_again(&caller).await;
    assert_eq!(echo.ended.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_import_of_which_nothing_is_heard_any_more_is_not_carried_out() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let client = async_nats::connect(bus.nats.url()).await.unwrap();
    let began = exchange(&client, "configmgt.request.echo.echo.measure", headers(), r#"{"most": 100}"#).await;
    let next = |word: &Message| word.headers.as_ref().unwrap().get("Configmgt-Next").unwrap().to_string();
    let taken = exchange(&client, next(&began), HeaderMap::new(), "wait at the end").await;
    let last = [("Configmgt-Last".parse().unwrap(), "1".into())].into_iter().collect();
    let busy = exchange(&client, next(&taken), last, "").await;
    assert!(busy.headers.unwrap().get("Configmgt-Busy").is_some());
    // From here on the sender asks no more.
    tokio::time::timeout(Duration::from_secs(15), echo.gone.notified()).await.unwrap();
    assert_eq!(echo.ended.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_import_is_waited_for_as_long_as_the_service_is_busy_with_it() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    let content = stream::iter([Ok(Bytes::from_static(b"wait at the end"))]).boxed();
    let importing = tokio::spawn(async move { measure(&caller, usize::MAX, content).await });
    echo.begun.notified().await;
    // Longer than any single word is waited for.
    assert!(tokio::time::timeout(Duration::from_secs(6), echo.gone.notified()).await.is_err());
    echo.go_on.notify_one();
    assert_eq!(importing.await.unwrap(), Ok(json!({"bytes": 15})));
}

#[tokio::test]
async fn what_ails_the_content_is_the_answer_and_the_import_breaks_off() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let ill = Fault::new(Status::TooLarge, "too much");
    let content = stream::iter([Ok(Bytes::from_static(b"begun")), Err(ill.clone())]).boxed();
    assert_eq!(measure(&caller, usize::MAX, content).await, Err(ill));
    echo.gone.notified().await;
    the_place_is_free_again(&caller).await;
}

#[tokio::test]
async fn an_import_that_gets_nothing_more_breaks_off() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let _server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let (pieces, content) = by_hand();
    let importing = tokio::spawn({
        let caller = caller.clone();
        async move { measure(&caller, usize::MAX, content).await }
    });
    pieces.send(Bytes::from_static(b"begun")).unwrap();
    echo.begun.notified().await;
    echo.gone.notified().await;
    pieces.send(Bytes::from_static(b"too late")).unwrap();
    let broken_off = Fault::new(Status::RequestTimeout, "the content did not come to its end");
    assert_eq!(importing.await.unwrap(), Err(broken_off));
    the_place_is_free_again(&caller).await;
}

#[tokio::test]
async fn imports_beyond_the_limit_are_refused_and_a_stop_waits_for_those_under_way() {
    let (bus, echo) = (Bus::start(), Echo::new());
    let server = bus.serve(&echo, Limits { imports: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let content = stream::iter([Ok(Bytes::from_static(b"wait")), Ok(Bytes::from_static(b"more"))]).boxed();
    let importing = tokio::spawn({
        let caller = caller.clone();
        async move { measure(&caller, usize::MAX, content).await }
    });
    echo.begun.notified().await;
    let refused = measure(&caller, 0, stream::empty().boxed()).await;
    assert_eq!(refused, Err(Fault::new(Status::Unavailable, "too many imports are under way")));
    let stopping = tokio::spawn(server.stop());
    let gone = Fault::new(Status::Unavailable, "no instance of the echo service is listening");
    while measure(&caller, 0, stream::empty().boxed()).await != Err(gone.clone()) {
        tokio::task::yield_now().await;
    }
    echo.go_on.notify_one();
    assert_eq!(importing.await.unwrap(), Ok(json!({"bytes": 8})));
    stopping.await.unwrap();
}

//! The bus against a real nats-server, and the same handlers without one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod echo;
mod imports;
mod pieces;

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use async_nats::{Client, HeaderMap, Message};
use bytes::Bytes;
use configmgt_bus::{
    Caller, ConnectError, Connection, Handlers, Identity, Limits, Local, Patience, Request, Server, Transport,
};
use configmgt_contract::{Answer, Call, Expected, Fault, IdempotencyKey, Operation, Status, Whole};
use configmgt_stack::{Nats, scratch};
use futures_util::{StreamExt, TryStreamExt, future::join_all};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use echo::{Add, Break, Count, Echo, Keep, Repeat, Say, Slow, Whoami};

struct Bus {
    nats: Nats,
}

impl Bus {
    fn start() -> Self {
        Self { nats: scratch::nats("").unwrap() }
    }

    async fn connection(&self) -> Connection {
        Connection::open(&self.nats.url(), "test", "_INBOX.test").await.unwrap()
    }

    async fn caller(&self) -> Caller {
        let caller = Caller::start(&self.nats.url(), "test", "_INBOX.test", Patience::default());
        caller.connected().await;
        caller
    }

    async fn serve(&self, echo: &Arc<Echo>, limits: Limits) -> Server {
        let connection = self.connection().await;
        Server::start(&connection, &echo::handlers(echo), identity(), limits).await.unwrap()
    }
}

fn identity() -> Identity {
    Identity {
        id: uuid::Uuid::new_v4().simple().to_string(),
        version: "1.2.3".to_owned(),
        description: "Says it again".to_owned(),
        metadata: [("host".to_owned(), "here".to_owned())].into(),
    }
}

fn call() -> Call {
    Call {
        request_id: "r1".to_owned(),
        actor: "somebody".to_owned(),
        idempotency_key: None,
        expected: None,
        traceparent: None,
        deadline: Instant::now() + Duration::from_secs(2),
    }
}

async fn ask<O: Operation>(transport: &impl Transport, operation: O) -> Result<Value, Fault> {
    ask_by(transport, operation, call()).await
}

async fn ask_by<O: Operation>(transport: &impl Transport, operation: O, call: Call) -> Result<Value, Fault> {
    let answer = transport.call(Request::new(&operation, call).unwrap()).await?;
    let whole = match answer {
        Answer::Whole(Whole { body, .. }) => body,
        Answer::Pieces(pieces) => pieces.try_collect::<Vec<Bytes>>().await.unwrap().concat().into(),
    };
    Ok(serde_json::from_slice(&whole).unwrap())
}

/// What a client of the bus without a [`Caller`] sends beside a request.
fn headers() -> HeaderMap {
    let headers = [("Request-Id", "r1"), ("Actor", "somebody"), ("Patience-Ms", "60000")];
    headers.into_iter().map(|(name, value)| (format!("Configmgt-{name}").parse().unwrap(), value.into())).collect()
}

/// The reply to a message that such a client sends.
async fn exchange(client: &Client, subject: impl ToString, headers: HeaderMap, body: impl Into<Bytes>) -> Message {
    let inbox = client.new_inbox();
    let mut replies = client.subscribe(inbox.clone()).await.unwrap();
    let sent = client.publish_with_reply_and_headers(subject.to_string(), inbox, headers, body.into()).await;
    sent.unwrap();
    tokio::time::timeout(Duration::from_secs(10), replies.next()).await.unwrap().unwrap()
}

fn text(text: &str) -> Value {
    json!({"text": text})
}

#[tokio::test]
async fn a_request_is_answered() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    assert_eq!(ask(&bus.caller().await, Say { text: "hello".to_owned() }).await, Ok(text("hello")));
}

#[tokio::test]
async fn the_same_handlers_answer_without_a_bus() {
    let local = Local::default().with(Arc::new(echo::handlers(&Echo::new())));
    assert_eq!(ask(&local, Say { text: "hello".to_owned() }).await, Ok(text("hello")));
    assert_eq!(ask(&local, Count { items: 3 }).await, Ok(json!([0, 1, 2])));
    assert_eq!(ask(&local, Break {}).await.unwrap_err().status, Status::Broken);
}

#[tokio::test]
async fn what_is_known_beside_a_new_object_reaches_the_caller_whatever_its_id_holds() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let (caller, local) = (bus.caller().await, Local::default().with(Arc::new(echo::handlers(&echo))));
    let name = "é 5%\r\nx: y";
    let kept = Whole { body: br#"{"text":"kept"}"#[..].into(), version: Some(3), created: Some(name.to_owned()) };
    for transport in [&caller as &dyn Transport, &local] {
        let request = Request::new(&Keep { name: name.to_owned() }, call()).unwrap();
        let Answer::Whole(answered) = transport.call(request).await.unwrap() else { panic!("it came in pieces") };
        assert_eq!(answered, kept);
    }
}

#[tokio::test]
async fn what_is_known_beside_the_body_reaches_the_handler() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    let call = Call {
        request_id: "request-7".to_owned(),
        actor: "a script".to_owned(),
        idempotency_key: Some(IdempotencyKey::Client("key/1".to_owned())),
        expected: Some(Expected::OneOf(vec![7, 8])),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        ..call()
    };
    let expected = "request-7|a script|Some(Client(\"key/1\"))|Some(OneOf([7, 8]))|\
                    Some(\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\")";
    assert_eq!(ask_by(&bus.caller().await, Whoami {}, call).await, Ok(text(expected)));
}

#[tokio::test]
async fn a_refusal_arrives_with_its_status_code_and_message_line_breaks_included() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    let refused = ask(&bus.caller().await, Say { text: "no\r\nInjected: header\n\u{e9}".to_owned() }).await;
    let message = "will not say no\r\nInjected: header\n\u{e9}".to_owned();
    assert_eq!(refused, Err(Fault::coded(Status::Conflict, "Unspeakable", message)));
}

#[tokio::test]
async fn a_handler_that_breaks_is_answered_without_its_detail() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    assert_eq!(ask(&bus.caller().await, Break {}).await, Err(Fault::new(Status::Broken, "broken")));
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_too() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    let answered = ask(&bus.caller().await, Say { text: "panic".to_owned() }).await;
    assert_eq!(answered.unwrap_err().status, Status::Broken);
}

#[tokio::test]
async fn without_a_listener_the_answer_is_503() {
    let bus = Bus::start();
    let refused = ask(&bus.caller().await, Say { text: "anybody".to_owned() }).await;
    assert_eq!(refused, Err(Fault::new(Status::Unavailable, "no instance of the echo service is listening")));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_504_and_stopped() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let call = Call { deadline: Instant::now() + Duration::from_millis(100), ..call() };
    let late = ask_by(&bus.caller().await, Slow {}, call).await;
    assert_eq!(late.unwrap_err().status, Status::TimedOut);
    echo.gone.notified().await;
}

#[tokio::test]
async fn a_reply_larger_than_a_message_may_be_arrives_whole() {
    let bus = Bus::start();
    let _server = bus.serve(&Echo::new(), Limits::default()).await;
    let text = ask(&bus.caller().await, Repeat { times: 3_000_000 }).await.unwrap();
    assert_eq!(text, json!({"text": "x".repeat(3_000_000)}));
}

#[tokio::test]
async fn what_is_beyond_the_limit_is_refused_while_the_rest_goes_on() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits { requests: 1, ..Limits::default() }).await;
    let caller = bus.caller().await;
    let under_way = tokio::spawn({
        let caller = caller.clone();
        async move { ask(&caller, Slow {}).await }
    });
    echo.begun.notified().await;
    let refused = ask(&caller, Say { text: "me too".to_owned() }).await;
    assert_eq!(refused, Err(Fault::new(Status::Unavailable, "the echo service is overloaded")));
    echo.go_on.notify_one();
    assert_eq!(under_way.await.unwrap(), Ok(text("at last")));
}

#[tokio::test]
async fn replicas_share_the_work_and_each_request_is_done_once() {
    let bus = Bus::start();
    let (first, second) = (Echo::new(), Echo::new());
    let _servers = (bus.serve(&first, Limits::default()).await, bus.serve(&second, Limits::default()).await);
    let caller = bus.caller().await;
    for answer in join_all((0..200).map(|_| ask(&caller, Add {}))).await {
        answer.unwrap();
    }
    let (first, second) = (first.added.load(Ordering::Relaxed), second.added.load(Ordering::Relaxed));
    assert_eq!(first + second, 200);
    assert!(first > 20 && second > 20, "{first} and {second}");
}

#[tokio::test]
async fn stopping_one_of_two_replicas_under_load_loses_no_request() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _stays = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let (caller, stopping) = (caller.clone(), stopping.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while !*stopping.borrow() {
                    // A write: nothing asks again when one is lost.
                    ask(&caller, Add {}).await.unwrap();
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    for _ in 0..25 {
        let before = echo.added.load(Ordering::Relaxed);
        let restarted = bus.serve(&echo, Limits::default()).await;
        while echo.added.load(Ordering::Relaxed) < before + 100 {
            tokio::task::yield_now().await;
        }
        restarted.stop().await;
    }
    stop.send_replace(true);
    let asked: u64 = join_all(clients).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(echo.added.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn what_is_stopping_while_nats_is_down_is_not_found_after_its_restart() {
    let bus = Bus::start();
    let echo = Echo::new();
    let server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    // A handler that goes on keeps the stop from ending.
    let kept = tokio::spawn({
        let caller = caller.clone();
        async move { ask(&caller, Slow {}).await }
    });
    echo.begun.notified().await;
    bus.nats.kill().unwrap();
    let stopping = tokio::spawn(server.stop());
    let _bus = tokio::task::spawn_blocking(move || bus.nats.restart().map(|()| bus)).await.unwrap().unwrap();
    caller.connected().await;
    let answers = join_all((0..50).map(|_| ask(&caller, Say { text: "anybody?".to_owned() }))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap_err().status == Status::Unavailable));
    assert_eq!(kept.await.unwrap().unwrap_err().status, Status::Unavailable);
    assert!(!stopping.is_finished());
    echo.go_on.notify_one();
    stopping.await.unwrap();
}

#[tokio::test]
async fn with_nats_down_the_answer_is_503_and_nothing_is_done_later() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    ask(&caller, Add {}).await.unwrap();
    bus.nats.kill().unwrap();
    for answer in join_all((0..500).map(|_| ask(&caller, Add {}))).await {
        assert_eq!(answer.unwrap_err().status, Status::Unavailable);
    }
    bus.nats.restart().unwrap();
    // Whatever had been kept for later would come before this one.
    while ask(&caller, Add {}).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(echo.added.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_was_held_up_on_the_way_is_not_done_any_more() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let caller = bus.caller().await;
    // The quickest of these tells the service how the two clocks compare.
    for _ in 0..20 {
        ask(&caller, Add {}).await.unwrap();
    }
    bus.nats.pause().unwrap();
    let for_ms = |ms| Call { deadline: Instant::now() + Duration::from_millis(ms), ..call() };
    for answer in join_all((0..50).map(|_| ask_by(&caller, Add {}, for_ms(300)))).await {
        assert_eq!(answer.unwrap_err().status, Status::TimedOut);
    }
    // This one only lets time pass, so that the others are clearly too late.
    ask_by(&caller, Say { text: "is anybody there".to_owned() }, for_ms(300)).await.unwrap_err();
    bus.nats.resume().unwrap();
    while ask(&caller, Add {}).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(echo.added.load(Ordering::Relaxed), 21);
}

#[tokio::test]
async fn the_services_can_be_discovered_and_their_errors_are_counted() {
    let bus = Bus::start();
    let echo = Echo::new();
    let connection = bus.connection().await;
    let handlers = Handlers::new("echo", echo::classify).with(echo, echo::two_of_its_endpoints());
    let _server = Server::start(&connection, &handlers, identity(), Limits::default()).await.unwrap();
    let caller = bus.caller().await;
    ask(&caller, Say { text: "yes".to_owned() }).await.unwrap();
    ask(&caller, Say { text: "no".to_owned() }).await.unwrap_err();

    let client = async_nats::connect(bus.nats.url()).await.unwrap();
    let question = async |subject: String| -> Value {
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.unwrap();
        client.publish_with_reply(subject, inbox, Bytes::new()).await.unwrap();
        serde_json::from_slice(&answers.next().await.unwrap().payload).unwrap()
    };
    let ping = question("$SRV.PING".to_owned()).await;
    let id = ping["id"].as_str().unwrap();
    let about = json!({"name": "echo", "id": id, "version": "1.2.3", "metadata": {"host": "here"}});
    let with = |more: Value| {
        let mut all = about.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    assert_eq!(ping, with(json!({"type": "io.nats.micro.v1.ping_response"})));
    let endpoint = |name: &str, summary: &str| {
        json!({"name": format!("echo-{name}"), "subject": format!("configmgt.request.echo.echo.{name}"),
               "queue_group": "configmgt", "metadata": {"summary": summary}})
    };
    let mut info = question("$SRV.INFO.echo".to_owned()).await;
    info["endpoints"].as_array_mut().unwrap().sort_by_key(|endpoint| endpoint["name"].to_string());
    let endpoints = [endpoint("add", "Count one more"), endpoint("say", "Say it again")];
    let kind = "io.nats.micro.v1.info_response";
    assert_eq!(info, with(json!({"type": kind, "description": "Says it again", "endpoints": endpoints})));

    let stats = question(format!("$SRV.STATS.echo.{id}")).await;
    assert_eq!(stats["type"], "io.nats.micro.v1.stats_response");
    let said = stats["endpoints"].as_array().unwrap().iter().find(|endpoint| endpoint["name"] == "echo-say").unwrap();
    assert_eq!((&said["num_requests"], &said["num_errors"]), (&json!(2), &json!(1)));
    assert_eq!(said["last_error"], "409 Unspeakable: will not say no");
    assert!(said["processing_time"].as_u64() >= said["average_processing_time"].as_u64());
}

#[tokio::test]
async fn a_ping_says_whether_a_service_is_there() {
    let bus = Bus::start();
    let server = bus.serve(&Echo::new(), Limits::default()).await;
    let caller = bus.caller().await;
    assert_eq!(caller.ping("echo", Duration::from_secs(1)).await, Ok(()));
    server.stop().await;
    let gone = Fault::new(Status::Unavailable, "no instance of the echo service is listening");
    assert_eq!(caller.ping("echo", Duration::from_secs(1)).await, Err(gone));
}

#[tokio::test]
async fn an_old_server_is_refused_with_its_version() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let old = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let info = json!({"server_id": "x", "server_name": "x", "version": "2.9.10", "proto": 1, "host": "127.0.0.1",
                          "port": 1, "headers": true, "max_payload": 1_048_576, "client_id": 1, "go": "1"});
        stream.write_all(format!("INFO {info}\r\nPONG\r\n").as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let refused = Connection::open(&url, "test", "_INBOX.test").await.err().unwrap();
    assert!(matches!(refused, ConnectError::TooOld { .. }));
    assert_eq!(refused.to_string(), format!("nats-server 2.9.10 at {url} is too old: 2.12 or newer is needed"));
    old.abort();
}

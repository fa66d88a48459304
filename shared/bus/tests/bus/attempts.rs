//! What a caller makes of the answers to its attempts. The service is played by hand, so that each attempt is answered as the test
//! says.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use async_nats::{Client, HeaderMap, Message, Subscriber};
use configmgt_bus::{Caller, Limits};
use configmgt_contract::{Call, Fault, IdempotencyKey, Operation, Status};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{
    Bus, ask, ask_by, call,
    echo::{Add, Echo, Knock, Say},
    exchange, text,
};

/// The service's end of the bus.
struct Played {
    client: Client,
    questions: Subscriber,
}

impl Played {
    async fn over(bus: &Bus) -> Self {
        let client = async_nats::connect(bus.nats.url()).await.unwrap();
        let questions = client.subscribe("configmgt.request.echo.>").await.unwrap();
        client.flush().await.unwrap();
        Self { client, questions }
    }

    /// The next attempt.
    async fn asked(&mut self) -> Message {
        tokio::time::timeout(Duration::from_secs(3), self.questions.next()).await.unwrap().unwrap()
    }

    async fn answer(&self, attempt: &Message) {
        self.client.publish(attempt.reply.clone().unwrap(), r#"{"text":"done"}"#.into()).await.unwrap();
    }

    async fn refuse(&self, attempt: &Message, fault: &Fault) {
        self.refuse_with(attempt, fault, HeaderMap::new()).await;
    }

    async fn refuse_with(&self, attempt: &Message, fault: &Fault, mut headers: HeaderMap) {
        headers.insert("Nats-Service-Error", fault.code.as_str());
        headers.insert("Nats-Service-Error-Code", fault.status.http().to_string());
        let reply = attempt.reply.clone().unwrap();
        self.client.publish_with_headers(reply, headers, fault.envelope().into()).await.unwrap();
    }

    /// Answers as the server does where nobody listens. No client library can send that.
    fn is_not_there(&self, attempt: &Message) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.client.server_info().port)).unwrap();
        let (reply, nobody) = (attempt.reply.as_ref().unwrap(), "NATS/1.0 503\r\n\r\n");
        let length = nobody.len();
        write!(connection, "CONNECT {{\"headers\":true,\"verbose\":false}}\r\n").unwrap();
        write!(connection, "HPUB {reply} {length} {length}\r\n{nobody}\r\nPING\r\n").unwrap();
        // The server has acted on it once it answers what came behind.
        let answers = BufReader::new(connection).lines();
        assert!(answers.map(Result::unwrap).any(|answer| answer == "PONG"));
    }
}

fn write(patience: Duration) -> Call {
    let key = Some(IdempotencyKey::Client("k".to_owned()));
    Call { deadline: Instant::now() + patience, idempotency_key: key, ..call() }
}

fn asking<O: Operation + Send + 'static>(
    caller: &Caller,
    operation: O,
    call: Call,
) -> JoinHandle<Result<Value, Fault>> {
    let caller = caller.clone();
    tokio::spawn(async move { ask_by(&caller, operation, call).await })
}

fn unknown() -> Fault {
    Fault::new(Status::Invalid, "there is no such thing")
}

fn busy() -> Fault {
    Fault::new(Status::Unavailable, "busy")
}

#[tokio::test]
async fn a_write_that_one_attempt_is_refused_is_done_where_another_does_it() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let asking = asking(&bus.caller().await, Add {}, write(Duration::from_secs(2)));
    let (first, second) = (service.asked().await, service.asked().await);
    // A service has the right to one answer on each.
    assert_ne!(first.reply, second.reply);
    service.refuse(&first, &unknown()).await;
    service.answer(&second).await;
    assert_eq!(asking.await.unwrap(), Ok(text("done")));
}

#[tokio::test]
async fn a_write_is_refused_once_all_of_its_attempts_are() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let caller = bus.caller().await;
    let alone = asking(&caller, Add {}, write(Duration::from_mins(1)));
    let only = service.asked().await;
    service.refuse(&only, &unknown()).await;
    assert_eq!(alone.await.unwrap(), Err(unknown()));

    let of_two = asking(&caller, Add {}, write(Duration::from_mins(1)));
    let (first, second) = (service.asked().await, service.asked().await);
    service.refuse(&second, &unknown()).await;
    service.refuse(&first, &unknown()).await;
    assert_eq!(of_two.await.unwrap(), Err(unknown()));
}

#[tokio::test]
async fn of_two_refusals_that_which_leaves_open_whether_it_was_done_is_given() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let asking = asking(&bus.caller().await, Add {}, write(Duration::from_mins(1)));
    let (first, second) = (service.asked().await, service.asked().await);
    service.refuse(&first, &busy()).await;
    service.refuse(&second, &unknown()).await;
    assert_eq!(asking.await.unwrap(), Err(busy()));
}

#[tokio::test]
async fn a_write_of_which_one_attempt_stays_without_an_answer_is_open_until_its_deadline() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let asking = asking(&bus.caller().await, Add {}, write(Duration::from_millis(900)));
    let (_lost, second) = (service.asked().await, service.asked().await);
    service.refuse(&second, &unknown()).await;
    let late = Fault::new(Status::TimedOut, "the echo service did not answer in time");
    assert_eq!(asking.await.unwrap(), Err(late));
}

#[tokio::test]
async fn a_write_whose_service_has_gone_is_asked_for_until_it_is_back() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let asking = asking(&bus.caller().await, Add {}, write(Duration::from_mins(1)));
    let (_lost, second) = (service.asked().await, service.asked().await);
    service.is_not_there(&second);
    let third = service.asked().await;
    service.answer(&third).await;
    assert_eq!(asking.await.unwrap(), Ok(text("done")));
}

#[tokio::test]
async fn a_read_is_over_with_its_first_answer() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let asking = asking(&bus.caller().await, Say { text: "x".to_owned() }, write(Duration::from_mins(1)));
    let (_first, second) = (service.asked().await, service.asked().await);
    service.refuse(&second, &unknown()).await;
    assert_eq!(asking.await.unwrap(), Err(unknown()));
}

#[tokio::test]
async fn a_streamed_reply_that_comes_too_late_is_given_up() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let mut given_up = service.client.subscribe("configmgt.pieces.echo.>").await.unwrap();
    service.client.flush().await.unwrap();
    let asking = asking(&bus.caller().await, Say { text: "x".to_owned() }, write(Duration::from_mins(1)));
    let (first, second) = (service.asked().await, service.asked().await);
    service.answer(&second).await;
    assert_eq!(asking.await.unwrap(), Ok(text("done")));
    let mut streamed = HeaderMap::new();
    streamed.insert("Configmgt-Next", "configmgt.pieces.echo.here.7");
    let reply = first.reply.clone().unwrap();
    service.client.publish_with_headers(reply, streamed, "[1".into()).await.unwrap();
    let unwanted = tokio::time::timeout(Duration::from_secs(3), given_up.next()).await.unwrap().unwrap();
    assert_eq!((unwanted.subject.as_str(), unwanted.reply), ("configmgt.pieces.echo.here.7", None));
}

#[tokio::test]
async fn a_caller_whose_clock_stood_still_is_served_at_once() {
    let bus = Bus::start();
    let echo = Echo::new();
    let _server = bus.serve(&echo, Limits::default()).await;
    let mut seen = Played::over(&bus).await;
    let caller = bus.caller().await;
    ask(&caller, Add {}).await.unwrap();
    let request = seen.asked().await;
    let mut headers = request.headers.clone().unwrap();
    let sent: u64 = headers.get("Configmgt-Sent-Ms").unwrap().as_str().parse().unwrap();
    // One of a time when the clock was seven seconds further: compared with it, all that follow lay somewhere for as long.
    headers.insert("Configmgt-Sent-Ms", (sent + 7_000).to_string());
    exchange(&seen.client, &request.subject, headers, request.payload.clone()).await;
    let key = || write(Duration::from_secs(2));
    for answer in [ask_by(&caller, Add {}, key()).await, ask(&caller, Add {}).await, ask(&caller, Knock {}).await] {
        answer.unwrap();
    }
}

#[tokio::test]
async fn an_attempt_that_is_not_repeated_makes_the_next_one_a_young_one() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let caller = bus.caller().await;
    let too_late = Fault::new(Status::TimedOut, "the request came too late and was not carried out");
    let sender = |request: &Message| request.headers.as_ref().unwrap().get("Configmgt-Sender").unwrap().to_string();
    let mut senders = Vec::new();
    for _ in 0..2 {
        let knocking = asking(&caller, Knock {}, write(Duration::from_mins(1)));
        let knock = service.asked().await;
        let mut aged = HeaderMap::new();
        aged.insert("Configmgt-Age-Ms", "7000");
        service.refuse_with(&knock, &too_late, aged).await;
        assert_eq!(knocking.await.unwrap(), Err(too_late.clone()));
        senders.push(sender(&knock));
    }
    assert_ne!(senders[0], senders[1]);
}

#[tokio::test]
async fn a_question_without_an_answer_is_asked_again_only_where_that_is_safe() {
    let bus = Bus::start();
    let mut service = Played::over(&bus).await;
    let caller = bus.caller().await;
    let saying = asking(&caller, Say { text: "twice".to_owned() }, call());
    let (_lost, again) = (service.asked().await, service.asked().await);
    service.answer(&again).await;
    assert_eq!(saying.await.unwrap(), Ok(text("done")));

    let call = Call { deadline: Instant::now() + Duration::from_millis(700), ..call() };
    assert_eq!(ask_by(&caller, Add {}, call).await.unwrap_err().status, Status::TimedOut);
    let knocking = ask_by(&caller, Knock {}, write(Duration::from_millis(700))).await;
    assert_eq!(knocking.unwrap_err().status, Status::TimedOut);
    service.client.publish("configmgt.request.echo.end", "".into()).await.unwrap();
    let subjects: Vec<_> =
        (&mut service.questions).map(|question| question.subject.to_string()).take(3).collect().await;
    let once = ["configmgt.request.echo.echo.add", "configmgt.request.echo.echo.knock", "configmgt.request.echo.end"];
    assert_eq!(subjects, once);
}

//! Clients on sockets of their own, who write before they read.

use std::{
    io,
    time::{Duration, Instant},
};

use configmgt_bus::Local;
use configmgt_edge::{ImportLimits, server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::interval,
};

use crate::{TOKEN, over};

/// How much of a body is written before the answer, and how much it is. The edge takes less than that of JSON, and more of what comes
/// after an early answer.
const BEGIN: usize = 300_000;
const BODY: usize = 900_000;

/// Connects to an edge of its own.
async fn client() -> TcpStream {
    let limits = ImportLimits { bytes: BODY - 1, ..ImportLimits::default() };
    let (listener, address) = server::listen("127.0.0.1:0").await.unwrap();
    let application = over(Local::default(), limits);
    tokio::spawn(server::serve(listener, application, Duration::from_secs(30), std::future::pending()));
    TcpStream::connect(address).await.unwrap()
}

fn head(path: &str, token: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: edge\r\nx-auth-token: {token}\r\ncontent-length: {length}\r\n\r\n")
}

/// Writes head and body to the end and only then reads: the status and the body of the answer.
async fn write_then_read(head: &str) -> (u16, Value) {
    let mut client = client().await;
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![b'x'; BEGIN]).await.unwrap();
    // The answer has come, and an edge that did not linger would have closed the connection.
    client.readable().await.unwrap();
    client.write_all(&vec![b'x'; BODY - BEGIN]).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    // Whoever is told nothing sends the next request on a connection that ends.
    assert!(head.contains("\r\nconnection: close"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn refusal(error: &str, message: &str) -> Value {
    json!({"error": error, "message": message})
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_reaches_a_client_that_writes_all_of_it_first() {
    let import = "/configmgt/api/2.0/users/csv";
    let unauthorized = refusal("Unauthorized", "the token in X-Auth-Token is not valid");
    assert_eq!(write_then_read(&head(import, "wrong", BODY)).await, (401, unauthorized));
    let too_large = refusal("PayloadTooLarge", &format!("the body has more than {} bytes", BODY - 1));
    assert_eq!(write_then_read(&head(import, TOKEN, BODY)).await, (413, too_large));
    let large_json = refusal("PayloadTooLarge", "the body has more than 262144 bytes");
    assert_eq!(write_then_read(&head("/configmgt/api/2.0/users", TOKEN, BODY)).await, (413, large_json));
    let malformed = refusal("BadRequest", "dry_run: 'maybe' is neither true nor false");
    let path = format!("{import}?dry_run=maybe");
    assert_eq!(write_then_read(&head(&path, TOKEN, BODY)).await, (400, malformed));
}

/// Writes `piece` at each turn until the edge takes no more of it: how many bytes it took.
async fn write_until_cut_off(client: &mut TcpStream, piece: &[u8], pause: Duration) -> usize {
    let mut turns = interval(pause);
    let mut written = 0;
    loop {
        turns.tick().await;
        match client.write_all(piece).await {
            Ok(()) => written += piece.len(),
            Err(error) => {
                let cut_off = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
                assert!(cut_off.contains(&error.kind()), "{error}");
                return written;
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_end_after_its_answer_is_cut_off() {
    let mut client = client().await;
    client.write_all(head("/configmgt/api/2.0/users/csv", "wrong", 1 << 40).as_bytes()).await.unwrap();
    client.readable().await.unwrap();
    let began = Instant::now();
    let slowly = write_until_cut_off(&mut client, b"x", Duration::from_millis(20)).await;
    assert!(slowly > 0);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_that_goes_on_with_much_after_its_answer_is_cut_off() {
    let mut client = client().await;
    client.write_all(head("/configmgt/api/2.0/users/csv", "wrong", 1 << 40).as_bytes()).await.unwrap();
    client.readable().await.unwrap();
    let much = write_until_cut_off(&mut client, &[b'x'; 16 * 1024], Duration::from_micros(1)).await;
    // What is still in the kernel's buffers when the edge closes counts as taken.
    assert!(much < 64 * 1024 * 1024, "{much}");
}

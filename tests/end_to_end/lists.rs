use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::running::{Running, TOKEN, forget_peak, peak_kib};

/// How much edge and service may grow while a list passes through them, whatever its length.
const GROWTH_KIB: u64 = 32 * 1024;

#[tokio::test]
async fn a_list_of_a_hundred_thousand_rooms_passes_in_bounded_memory() {
    let running = Running::start().await;
    // Once before, so that what every process needs for its first list does not count.
    running.ask("GET", "2.0/meetingrooms", None).await;
    running.insert_rooms(100_000).await;
    let through = [&running.edge, running.service("meetingroom")];
    let before = through.map(|process| {
        forget_peak(process);
        peak_kib(process)
    });

    let (status, rooms) = running.ask("GET", "2.0/meetingrooms", None).await;

    let after = through.map(peak_kib);
    assert_eq!(status, 200);
    let ids = rooms.as_array().unwrap().iter().map(|room| room["id"].as_i64().unwrap());
    assert!(ids.eq(1..=100_000));
    for ((process, before), after) in through.iter().zip(before).zip(after) {
        assert!(after - before < GROWTH_KIB, "{} grew from {before} to {after} KiB", process.name());
    }
}

#[tokio::test]
async fn lists_of_a_hundred_thousand_users_pass_in_bounded_memory() {
    let running = Running::start().await;
    let lists = ["2.0/users", "2.0/users/ascontact"];
    for list in lists {
        running.ask("GET", list, None).await;
    }
    running.insert_users(100_000).await;
    let through = [&running.edge, running.service("users")];
    let before = through.map(|process| {
        forget_peak(process);
        peak_kib(process)
    });

    for (list, key) in lists.into_iter().zip(["phoneNumber", "internalphonenumber"]) {
        let (status, users) = running.ask("GET", list, None).await;
        assert_eq!(status, 200);
        let extensions = users.as_array().unwrap().iter().map(|user| user[key].as_str().unwrap().to_owned());
        assert!(extensions.eq((1..=100_000).map(|id: i32| id.to_string())), "{list}");
    }

    for ((process, before), after) in through.iter().zip(before).zip(through.map(peak_kib)) {
        assert!(after - before < GROWTH_KIB, "{} grew from {before} to {after} KiB", process.name());
    }
}

#[tokio::test]
async fn a_list_whose_service_dies_half_way_does_not_end_as_if_it_were_whole() {
    let running = Running::start().await;
    running.insert_rooms(100_000).await;
    let mut list = running.send("GET", "2.0/meetingrooms", None).await.bytes_stream();
    let mut received = list.next().await.unwrap().unwrap().to_vec();
    running.service("meetingroom").kill().unwrap();
    let mut failed = false;
    while let Some(piece) = list.next().await {
        match piece {
            Ok(piece) => received.extend_from_slice(&piece),
            Err(_) => failed = true,
        }
    }
    assert!(failed);
    assert!(serde_json::from_slice::<Value>(&received).is_err());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let settings = [("CONFIGMGT_WRITE_TIMEOUT_SECONDS", "1"), ("RUST_LOG", "info,configmgt_edge=debug")];
    let running = Running::with_settings(&settings).await;
    running.insert_rooms(100_000).await;
    let mut client = TcpStream::connect(&running.site.listen).await.unwrap();
    let request =
        format!("GET /configmgt/api/2.0/meetingrooms HTTP/1.1\r\nHost: edge\r\nX-Auth-Token: {TOKEN}\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    running.line("a connection ended early", |_| Some(())).await;
    let mut received = Vec::new();
    // What the kernel had taken already is still there; whether the end is a reset or not does not matter.
    let _ = client.read_to_end(&mut received).await;
    assert!(!received.ends_with(b"]\r\n0\r\n\r\n"), "{} bytes came whole", received.len());
}

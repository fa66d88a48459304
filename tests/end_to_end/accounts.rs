use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use configmgt_stack::product::SUBSCRIBER;
use futures_util::StreamExt;

use crate::running::Running;

/// What an account tries.
#[derive(Clone, Copy)]
enum Attempt {
    Subscribe,
    Publish,
}

/// What the server says when `service` subscribes to `subject`: nothing where it may.
async fn refusal(running: &Running, service: &str, subject: &str) -> Option<String> {
    refusal_of(running, service, Attempt::Subscribe, subject).await
}

async fn refusal_of(running: &Running, service: &str, attempt: Attempt, subject: &str) -> Option<String> {
    let url = running.site.nats_url(service);
    let (user, password) = url.trim_start_matches("nats://").split_once('@').unwrap().0.split_once(':').unwrap();
    let (errors, mut error) = tokio::sync::mpsc::unbounded_channel();
    let client = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        .event_callback(move |event| {
            if let async_nats::Event::ServerError(error) = event {
                let _ = errors.send(error.to_string());
            }
            async {}
        })
        .connect(format!("127.0.0.1:{}", running.nats.port()))
        .await
        .unwrap();
    let _subscription = match attempt {
        Attempt::Subscribe => Some(client.subscribe(subject.to_owned()).await.unwrap()),
        Attempt::Publish => {
            client.publish(subject.to_owned(), "".into()).await.unwrap();
            None
        }
    };
    client.flush().await.unwrap();
    // The answer to a flush follows the answer to what came before it; the callback may run a moment later.
    tokio::time::timeout(Duration::from_secs(2), error.recv()).await.ok().flatten()
}

/// Once this is over, the server has acted on all that the client has sent.
async fn round_trip(client: &Client) {
    let inbox = client.new_inbox();
    let mut echo = client.subscribe(inbox.clone()).await.unwrap();
    client.publish(inbox, "".into()).await.unwrap();
    echo.next().await.unwrap();
}

#[tokio::test]
async fn a_services_account_opens_only_its_own_subjects() {
    let running = Running::start().await;
    assert_eq!(refusal(&running, "users", "configmgt.request.users.users.get").await, None);
    for subject in ["configmgt.request.meetingroom.>", "configmgt.pieces.meetingroom.>", "_INBOX.edge.>", ">"] {
        let refused = refusal(&running, "users", subject).await.unwrap();
        assert!(refused.to_lowercase().contains("permissions violation"), "{subject}: {refused}");
    }
    assert_eq!(refusal(&running, "operator", ">").await, None);
}

#[tokio::test]
async fn a_service_that_follows_another_reads_what_it_follows_and_nothing_else() {
    let running = Running::start().await;
    let follower = "queue-dissuasion";
    for (attempt, subject, allowed) in [
        (Attempt::Subscribe, "configmgt.event.users.user.>", true),
        (Attempt::Publish, "configmgt.request.users.snapshots.page", true),
        (Attempt::Publish, "$JS.API.DIRECT.GET.CONFIGMGT_EVENT_USERS", true),
        (Attempt::Subscribe, "configmgt.event.users.line.>", false),
        (Attempt::Publish, "configmgt.request.users.users.delete", false),
        (Attempt::Publish, "configmgt.event.users.user.1.deleted", false),
        (Attempt::Publish, "$JS.API.STREAM.DELETE.CONFIGMGT_EVENT_USERS", false),
    ] {
        let refused = refusal_of(&running, follower, attempt, subject).await;
        assert_eq!(refused.is_none(), allowed, "{subject}: {refused:?}");
    }
}

#[tokio::test]
async fn a_service_may_answer_a_request_once() {
    let running = Running::start().await;
    let (service, edge) = (running.bus_as("users").await, running.bus_as("edge").await);
    let subject = "configmgt.request.users.accounts.test";
    let mut questions = service.subscribe(subject).await.unwrap();
    round_trip(&service).await;
    let reply = edge.new_inbox();
    let mut answers = edge.subscribe(reply.clone()).await.unwrap();
    edge.publish_with_reply(subject, reply.clone(), "".into()).await.unwrap();
    let question = questions.next().await.unwrap();
    for answer in ["first", "second"] {
        service.publish(question.reply.clone().unwrap(), answer.into()).await.unwrap();
    }
    assert_eq!(answers.next().await.unwrap().payload, "first");
    round_trip(&service).await;
    edge.publish(reply, "third".into()).await.unwrap();
    assert_eq!(answers.next().await.unwrap().payload, "third");
}

#[tokio::test]
async fn a_subscriber_can_follow_the_events_and_change_nothing() {
    let running = Running::start().await;
    assert_eq!(refusal(&running, SUBSCRIBER, "configmgt.event.>").await, None);
    for subject in ["configmgt.request.>", "configmgt.pieces.>", "_INBOX.edge.>", ">"] {
        assert!(refusal(&running, SUBSCRIBER, subject).await.is_some(), "{subject}");
    }
    for subject in [
        "configmgt.event.meetingroom.meetingroom.1.created",
        "configmgt.request.meetingroom.meetingrooms.list",
        "$JS.API.STREAM.DELETE.CONFIGMGT_EVENT_MEETINGROOM",
        "$JS.API.STREAM.PURGE.CONFIGMGT_EVENT_MEETINGROOM",
        "$JS.API.CONSUMER.DELETE.CONFIGMGT_EVENT_MEETINGROOM.other",
    ] {
        assert!(refusal_of(&running, SUBSCRIBER, Attempt::Publish, subject).await.is_some(), "{subject}");
    }
    for subject in ["configmgt.event.users.user.1.created", "$JS.API.STREAM.DELETE.CONFIGMGT_EVENT_USERS"] {
        assert!(refusal_of(&running, "meetingroom", Attempt::Publish, subject).await.is_some(), "{subject}");
        assert!(refusal_of(&running, "edge", Attempt::Publish, subject).await.is_some(), "{subject}");
    }
}

#[tokio::test]
async fn a_subscriber_without_an_account_is_turned_away() {
    let running = Running::start().await;
    let refused = async_nats::connect(format!("127.0.0.1:{}", running.nats.port())).await.err().unwrap();
    assert!(refused.to_string().contains("authorization violation"), "{refused}");
}

#[tokio::test]
async fn each_service_answers_on_the_discovery_subjects() {
    let running = Running::start().await;
    let client = running.bus().await;
    let mut names = std::collections::BTreeSet::new();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    client.publish_with_reply("$SRV.PING", inbox, "".into()).await.unwrap();
    while names.len() < 4 {
        let answer = answers.next().await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        names.insert(answer["name"].as_str().unwrap().to_owned());
    }
    assert!(names.iter().eq(["callbacks", "meetingroom", "queue-dissuasion", "users"]));
}

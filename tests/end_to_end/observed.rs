//! Every event that is published while a test runs, held against the `AsyncAPI` document, and what the streams hold.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex as SyncMutex},
    thread,
};

use async_nats::{HeaderMap, jetstream};
use futures_util::StreamExt;
use jsonschema::Validator;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tokio::sync::{Mutex, mpsc};

use crate::running::Running;

/// An event as it came over the bus.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observed {
    pub(crate) subject: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
}

impl Observed {
    fn of(subject: &str, headers: &HeaderMap, payload: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, values)| (name.to_string(), values[0].to_string())).collect();
        Self { subject: subject.to_owned(), headers, body: serde_json::from_slice(payload).unwrap() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        &self.headers[name]
    }

    /// The version of its object that the change made.
    pub(crate) fn version(&self) -> i64 {
        self.header("ce-objectversion").parse().unwrap()
    }
}

/// The events of a product, from the moment it was ready.
#[derive(Default)]
pub(crate) struct Events {
    received: Option<Mutex<mpsc::UnboundedReceiver<Observed>>>,
    /// Those that do not fit the document.
    misfits: Arc<SyncMutex<Vec<String>>>,
}

impl Events {
    pub(crate) async fn watch(running: &Running) -> Self {
        let document = running.client.get(running.url("/configmgt/asyncapi.json")).send().await.unwrap();
        let document = Document::new(&document.json().await.unwrap());
        let bus = running.bus().await;
        let mut messages = bus.subscribe("configmgt.event.>").await.unwrap();
        bus.flush().await.unwrap();
        let misfits = Arc::<SyncMutex<Vec<String>>>::default();
        let found = Arc::clone(&misfits);
        let (send, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let event = Observed::of(&message.subject, &message.headers.unwrap_or_default(), &message.payload);
                if let Err(misfit) = document.check(&event) {
                    found.lock().unwrap().push(format!("{misfit}: {event:?}"));
                }
                // Nobody reads them in many tests.
                let _ = send.send(event);
            }
        });
        Self { received: Some(Mutex::new(received)), misfits }
    }

    /// The next event.
    pub(crate) async fn next(&self) -> Observed {
        self.received.as_ref().unwrap().lock().await.recv().await.unwrap()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(*self.misfits.lock().unwrap(), Vec::<String>::new());
        }
    }
}

/// What the `AsyncAPI` document says of each type of event.
struct Document {
    kinds: HashMap<String, Kind>,
}

struct Kind {
    address: String,
    headers: Validator,
    payload: Validator,
}

impl Document {
    fn new(document: &Value) -> Self {
        let validator = |name: &str, part: &str| {
            let reference = format!("#/components/messages/{name}/{part}");
            jsonschema::validator_for(&json!({"$ref": reference, "components": document["components"]})).unwrap()
        };
        let kinds = document["channels"].as_object().unwrap().iter().map(|(name, channel)| {
            let address = channel["address"].as_str().unwrap().to_owned();
            (name.clone(), Kind { address, headers: validator(name, "headers"), payload: validator(name, "payload") })
        });
        Self { kinds: kinds.collect() }
    }

    fn check(&self, event: &Observed) -> Result<(), String> {
        let kind = self.kinds.get(event.header("ce-type")).ok_or("the document does not know the type")?;
        let (before, after) = kind.address.split_once("{id}").unwrap();
        let id = event.subject.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        if id.is_none_or(|id| id.contains('.')) {
            return Err(format!("the subject is not of the form {}", kind.address));
        }
        kind.headers.validate(&json!(event.headers)).map_err(|error| error.to_string())?;
        kind.payload.validate(&event.body).map_err(|error| error.to_string())
    }
}

/// All events that the stream of the meeting rooms holds, in its order.
pub(crate) async fn stream(running: &Running) -> Vec<Observed> {
    stream_of(running, "meetingroom").await
}

async fn stream_of(running: &Running, service: &str) -> Vec<Observed> {
    let context = jetstream::new(running.bus().await);
    let stream = context.get_stream(configmgt_contract::events::stream(service)).await.unwrap();
    let state = stream.get_info().await.unwrap().state;
    let mut events = Vec::new();
    for sequence in state.first_sequence.max(1)..=state.last_sequence {
        let message = stream.direct_get(sequence).await.unwrap();
        events.push(Observed::of(&message.subject, &message.headers, &message.payload));
    }
    events
}

/// A change as the journal has it: object, version, event id.
type Journaled = (String, i64, String);

async fn journal(running: &Running, service: &str) -> Vec<Journaled> {
    let pool = running.database().await;
    let schema = service.replace('-', "_");
    let sql = format!(
        "SELECT object_type || '/' || object_id, object_version, event_id::text FROM {schema}.journal ORDER BY id"
    );
    let journal = sqlx::query_as(AssertSqlSafe(sql));
    let journal = journal.fetch_all(&pool).await.unwrap();
    pool.close().await;
    journal
}

/// Waits until nothing is left to be published.
pub(crate) async fn all_published(running: &Running) {
    let pool = running.database().await;
    loop {
        let left: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM meetingroom.outbox) + (SELECT count(*) FROM users.outbox)
                  + (SELECT count(*) FROM callbacks.outbox) + (SELECT count(*) FROM queue_dissuasion.outbox)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        if left == 0 {
            return pool.close().await;
        }
    }
}

/// Holds the stream of the meeting rooms against their journal, as [`assert_complete_of`] does.
pub(crate) async fn assert_complete(running: &Running) -> usize {
    assert_complete_of(running, "meetingroom").await
}

/// Holds the stream against the journal: every change has its event, for each object in the order of its versions and without a
/// gap. An event that was published twice is none the second time. Gives how many changes there are.
pub(crate) async fn assert_complete_of(running: &Running, service: &str) -> usize {
    all_published(running).await;
    let journal = journal(running, service).await;
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    for (object, version, _) in &journal {
        let last = versions.entry(object.clone()).or_default();
        assert_eq!(*version, *last + 1, "the journal has a gap at {object}");
        *last = *version;
    }
    let mut followed: BTreeMap<String, i64> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for event in stream_of(running, service).await {
        let object = event.header("ce-subject").to_owned();
        let last = followed.entry(object.clone()).or_default();
        if event.version() <= *last {
            continue;
        }
        assert_eq!(event.version(), *last + 1, "the stream has a gap or another order at {object}");
        *last = event.version();
        seen.insert((object, event.version()), event.header("ce-id").to_owned());
    }
    let journaled: BTreeMap<_, _> = journal.into_iter().map(|(object, version, id)| ((object, version), id)).collect();
    assert_eq!(seen, journaled);
    journaled.len()
}

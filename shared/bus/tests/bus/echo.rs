//! A service for the tests: it says again what it hears.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use configmgt_bus::Handlers;
use configmgt_contract::{
    BoxError, Call, Created, Endpoint, Example, Fault, Listing, Outcome, Owner, Status, Unjournaled, Upload, refusals,
    service,
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

service! {
    /// Says it again.
    pub(crate) trait Echoes("echo", "echo") refuses EchoRefusal {
        /// Say it again
        read fn say(Say) -> Text, refuses Unspeakable;
        /// Say who asks
        read fn whoami(Whoami) -> Text;
        /// Say a letter many times
        read fn repeat(Repeat) -> Text;
        /// Fail
        read fn fail(Break) -> Text;
        /// Wait to be told to go on
        write fn wait(Slow) -> Text;
        /// Count up from nothing
        read fn count(Count) -> Listing<Number>;
        /// Count one more
        write fn add(Add) -> Text;
        /// Knock
        attempt fn knock(Knock) -> Text;
        /// Count the bytes
        import fn measure(Measure) -> Measured, refuses Unspeakable;
        /// Write it down under a name
        write fn keep(Keep) -> Created<Text>;
    }
}

refusals! {
    pub(crate) enum EchoRefusal {
        Unspeakable { text: String } => Conflict, "Unspeakable", "will not say {text}";
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Say {
    pub(crate) text: String,
}
#[derive(Serialize, Deserialize)]
pub(crate) struct Whoami {}
#[derive(Serialize, Deserialize)]
pub(crate) struct Repeat {
    pub(crate) times: usize,
}
#[derive(Serialize, Deserialize)]
pub(crate) struct Break {}
#[derive(Serialize, Deserialize)]
pub(crate) struct Slow {}
#[derive(Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) items: u32,
}
#[derive(Serialize, Deserialize)]
pub(crate) struct Add {}
#[derive(Serialize, Deserialize)]
pub(crate) struct Knock {}
#[derive(Serialize, Deserialize)]
pub(crate) struct Measure {
    /// The most bytes that are read.
    pub(crate) most: usize,
}
#[derive(Serialize, Deserialize)]
pub(crate) struct Keep {
    pub(crate) name: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Text {
    text: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Measured {
    bytes: usize,
}

#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Number(u32);

impl Example for Measured {
    fn example() -> Self {
        Self { bytes: 7 }
    }
}

impl Example for Number {
    fn example() -> Self {
        Self(7)
    }
}

impl Example for Text {
    fn example() -> Self {
        Self { text: "hello".to_owned() }
    }
}

/// A count up to this one breaks on its way.
pub(crate) const BREAKS: u32 = 1_000_001;

/// A count up to this one does not begin.
pub(crate) const STALLS: u32 = 1_000_002;

const BATCH: u32 = 5_000;

pub(crate) const fn batches(items: u32) -> u64 {
    (items / BATCH) as u64
}

#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) added: AtomicU64,
    pub(crate) begun: Notify,
    pub(crate) go_on: Notify,
    /// A waiting handler was dropped.
    pub(crate) gone: Arc<Notify>,
    /// How many waiting handlers were told to go on and came to their end.
    pub(crate) ended: AtomicU64,
    batches: Arc<AtomicU64>,
    /// Bytes of content that were read, over all imports.
    pub(crate) read: AtomicU64,
    /// How imports ended whose content broke off.
    pub(crate) broken_off: Mutex<Vec<Fault>>,
}

impl Echo {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    async fn told_to_go_on(&self) {
        struct Gone(Arc<Notify>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let _gone = Gone(Arc::clone(&self.gone));
        self.begun.notify_one();
        self.go_on.notified().await;
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// How many batches were made once no more are being made: the same number for a whole while of other work.
    pub(crate) async fn settled_batches(&self) -> u64 {
        let mut seen = (0, 0);
        while seen.1 < 20_000 {
            let made = self.batches.load(Ordering::Relaxed);
            seen = if made == seen.0 { (made, seen.1 + 1) } else { (made, 0) };
            tokio::task::yield_now().await;
        }
        seen.0
    }
}

impl Owner for Echo {
    type Changes = Unjournaled;

    fn changes(&self) -> &Unjournaled {
        &Unjournaled
    }
}

impl Echoes for Echo {
    async fn say(&self, _: &Call, Say { text }: Say) -> Outcome<Say> {
        assert_ne!(text, "panic");
        if text.starts_with("no") { Err(EchoRefusal::Unspeakable { text }.into()) } else { Ok(Text { text }) }
    }

    async fn whoami(&self, call: &Call, _: Whoami) -> Outcome<Whoami> {
        let Call { request_id, actor, idempotency_key, expected, traceparent, .. } = call;
        Ok(Text { text: format!("{request_id}|{actor}|{idempotency_key:?}|{expected:?}|{traceparent:?}") })
    }

    async fn repeat(&self, _: &Call, Repeat { times }: Repeat) -> Outcome<Repeat> {
        Ok(Text { text: "x".repeat(times) })
    }

    async fn fail(&self, _: &Call, _: Break) -> Outcome<Break> {
        Err(std::io::Error::other("a secret detail").into())
    }

    async fn wait(&self, _: &mut Call, _: Slow) -> Outcome<Slow> {
        self.told_to_go_on().await;
        Ok(Text { text: "at last".to_owned() })
    }

    async fn count(&self, _: &Call, Count { items }: Count) -> Outcome<Count> {
        let made = Arc::clone(&self.batches);
        let batches = stream::unfold(0, move |next| {
            let made = Arc::clone(&made);
            async move {
                if next >= items {
                    return None;
                }
                if items == STALLS {
                    std::future::pending::<()>().await;
                }
                made.fetch_add(1, Ordering::Relaxed);
                let end = (next + BATCH).min(items);
                let breaks = items == BREAKS && end == items;
                let batch =
                    if breaks { Err(BoxError::from("half-way")) } else { Ok((next..end).map(Number).collect()) };
                Some((batch, end))
            }
        });
        Ok(Listing::of_batches(batches))
    }

    async fn add(&self, _: &mut Call, _: Add) -> Outcome<Add> {
        self.added.fetch_add(1, Ordering::Relaxed);
        Ok(Text { text: "added".to_owned() })
    }

    /// Waits in the middle or at the end to be told to go on, if the content says so.
    async fn measure(&self, _: &mut Call, Measure { most }: Measure, content: &mut Upload) -> Outcome<Measure> {
        let (mut bytes, mut waits) = (0, false);
        while let Some(piece) = content.next().await {
            let piece = piece.inspect_err(|fault| {
                self.broken_off.lock().unwrap().push(fault.clone());
                self.gone.notify_one();
            })?;
            bytes += piece.len();
            self.read.fetch_add(piece.len() as u64, Ordering::Relaxed);
            waits |= piece.as_ref() == b"wait at the end";
            if !waits {
                self.begun.notify_one();
            }
            if piece.as_ref() == b"wait" {
                self.go_on.notified().await;
            }
            if bytes > most {
                return Err(EchoRefusal::Unspeakable { text: format!("more than {most} bytes") }.into());
            }
        }
        if waits {
            self.told_to_go_on().await;
        }
        Ok(Measured { bytes })
    }

    async fn knock(&self, _: &Call, _: Knock) -> Outcome<Knock> {
        Ok(Text { text: "who is there".to_owned() })
    }

    async fn keep(&self, _: &mut Call, Keep { name }: Keep) -> Outcome<Keep> {
        Ok(Created { id: name, version: 3, object: Text { text: "kept".to_owned() } })
    }
}

pub(crate) fn classify(_: &BoxError) -> Fault {
    Fault::new(Status::Broken, "broken")
}

pub(crate) fn handlers(echo: &Arc<Echo>) -> Handlers {
    Handlers::new("echo", classify).with(Arc::clone(echo), Echo::endpoints())
}

pub(crate) fn two_of_its_endpoints() -> Vec<Endpoint<Echo>> {
    Echo::endpoints().into_iter().filter(|endpoint| ["echo-say", "echo-add"].contains(&endpoint.doc.name)).collect()
}

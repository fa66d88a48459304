//! The live feed: changes as they are committed, as Server-Sent Events.
//!
//! A reader sets the pace: an event is read from its stream when the one before it was sent. What is kept for a reader is his
//! place, and that stands in the id of the last event he got.

use std::{fmt, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, Uri, header},
};
use configmgt_bus::{Position, Stored};
use configmgt_contract::{
    Body as BodyDoc, Example, Fault, Kind, OperationDoc, Status,
    events::{Change, subjects},
};
use futures_util::{
    StreamExt,
    future::{self, try_join_all},
    stream::{self, BoxStream},
};
use serde_json::json;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep},
};
use utoipa::openapi::{ObjectBuilder, Type};

use crate::{
    changes::{owners, text},
    exchange::Edge,
    inputs::{self, QueryParameter},
    limits, problem,
    table::Feed,
};

pub(crate) const FEED: Feed = Feed {
    operation: OperationDoc {
        service: "edge",
        name: "events-follow",
        path: "events.follow",
        kind: Kind::Read,
        text: &[
            "Follow changes",
            "",
            "Answers each change as it is committed, as Server-Sent Events, for as long as the connection stands. An event of the",
            "type `change` carries a change as the history shows it; its `id` is the reader's place. A reader that comes back with",
            "it in `Last-Event-ID` gets what came since, all of it and once. Where that is no longer possible, an event of the",
            "type `reset` says so: what the reader knows is out of date, and changes follow from now on. A comment comes every 15",
            "seconds when nothing else does.",
        ],
        refusals: &[],
        secrets: &[],
    },
    query: PARAMETERS,
    reply: event_doc,
};

const PARAMETERS: &[QueryParameter] = &[
    text(
        "objectType",
        "Only changes of this kind of object: `meetingroom`, `user`, `queue`, or any other type of the history.",
    ),
    text("objectId", "Only changes of the object with this id; needs `objectType`."),
];

const LAST_EVENT_ID: &str = "last-event-id";

/// How often something is sent, so that both sides notice a connection that is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often the streams are looked at when nobody says that there is something.
const LOOK: Duration = Duration::from_secs(1);

/// A message can be announced before it can be read: then it is looked for again after this long, and twice as long.
const SOON: Duration = Duration::from_millis(1);

/// `GET /events`
pub(crate) async fn follow(State(edge): State<Edge>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    match open(edge, &uri, &headers).await {
        Ok(events) => {
            let mut response = Response::new(Body::from_stream(events));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(fault) => problem::response(&fault),
    }
}

async fn open(edge: Edge, uri: &Uri, headers: &HeaderMap) -> Result<BoxStream<'static, Result<Bytes, Fault>>, Fault> {
    let given = inputs::given(uri)?;
    let (object_type, object_id) = (given.text("objectType"), given.text("objectId"));
    if object_id.is_some() && object_type.is_none() {
        return Err(Fault::new(Status::Invalid, "objectId: it needs objectType"));
    }
    let services = owners(object_type.as_deref());
    if services.is_empty() {
        return Err(Fault::new(Status::Invalid, "objectType: there are no objects of this type"));
    }
    let permit = edge.feeds.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Fault::new(Status::Unavailable, "too many readers follow the changes"))?;
    let sources = services.into_iter().map(|service| {
        let subjects = subjects(service, object_type.as_deref(), object_id.as_deref());
        Source::at_end(&edge, service, subjects)
    });
    let mut sources = try_join_all(sources).await?;
    let resumed = match limits::plain(headers, LAST_EVENT_ID)? {
        Some(id) => resume(&mut sources, id),
        None => Ok(()),
    };
    let now = Instant::now();
    let mut reader =
        Reader { edge, sources, announced: None, sent: now, compared: now, opening: Some(resumed), _permit: permit };
    // Before the first look, so that nothing is missed between the two.
    reader.listen().await;
    let events = stream::unfold(reader, |mut reader| async move { reader.next().await.map(|text| (Ok(text), reader)) });
    Ok(events.boxed())
}

/// A service's stream with a reader's place in it.
struct Source {
    service: &'static str,
    subjects: String,
    place: Place,
    /// Where the stream stood when it was last asked.
    position: Option<Position>,
}

/// Behind which message a reader is, in which life of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    sequence: u64,
    epoch: String,
}

/// Why a reader's place means nothing any more.
#[derive(Debug, Clone, Copy)]
struct Lost(&'static str);

impl Source {
    async fn at_end(edge: &Edge, service: &'static str, subjects: String) -> Result<Self, Fault> {
        let position = edge.events.position(service).await?;
        let place = Place::at_end(position.as_ref());
        Ok(Self { service, subjects, place, position })
    }

    /// Whether everything behind the place is still there.
    fn check(&self) -> Result<(), Lost> {
        let Some(position) = &self.position else {
            return if self.place.sequence == 0 { Ok(()) } else { Err(Lost("the stream of changes is gone")) };
        };
        let Place { sequence, epoch } = &self.place;
        if *sequence > position.last {
            return Err(Lost("the stream of changes was begun again"));
        }
        if sequence + 1 < position.first {
            return Err(Lost("changes since this event are no longer kept"));
        }
        // Nothing had been read of a stream that was not there yet.
        if *epoch != position.epoch && *sequence > 0 {
            return Err(Lost("the stream of changes was begun again"));
        }
        Ok(())
    }
}

impl Place {
    fn at_end(position: Option<&Position>) -> Self {
        match position {
            Some(Position { epoch, last, .. }) => Self { sequence: *last, epoch: epoch.clone() },
            None => Self { sequence: 0, epoch: String::new() },
        }
    }
}

/// `<service>:<sequence>:<epoch>`
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.service, self.place.sequence, self.place.epoch)
    }
}

/// Puts every source where `id` says. An id that does not speak of all of them is none of this feed.
fn resume(sources: &mut [Source], id: &str) -> Result<(), Lost> {
    let foreign = Lost("the Last-Event-ID is not one of this feed");
    for source in &mut *sources {
        let place = id.split(',').find_map(|part| {
            let mut parts = part.splitn(3, ':');
            let service = parts.next()?;
            let sequence = parts.next()?.parse().ok()?;
            let epoch = parts.next()?.to_owned();
            (service == source.service).then_some(Place { sequence, epoch })
        });
        source.place = place.ok_or(foreign)?;
    }
    sources.iter().try_for_each(Source::check)
}

struct Reader {
    edge: Edge,
    sources: Vec<Source>,
    /// Something for each message on one of the sources; none where the bus is away.
    announced: Option<BoxStream<'static, ()>>,
    sent: Instant,
    compared: Instant,
    /// How the reader's place was found, until it was said.
    opening: Option<Result<(), Lost>>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn listen(&mut self) {
        let streams = self.sources.iter().map(|source| self.edge.events.published(&source.subjects));
        self.announced = try_join_all(streams).await.ok().map(|streams| stream::select_all(streams).boxed());
    }

    /// The next thing to send; nothing when the edge stops.
    async fn next(&mut self) -> Option<Bytes> {
        match self.opening.take() {
            Some(Ok(())) => {
                let id = self.id();
                return Some(self.send(&format!("id: {id}\n: following\n\n")));
            }
            Some(Err(lost)) => return Some(self.reset(lost).await),
            None => {}
        }
        let mut patience = LOOK;
        while !*self.edge.stopping.borrow() {
            match self.read().await {
                Ok(Some(change)) => return Some(self.change(&change)),
                Ok(None) => {}
                Err(lost) => return Some(self.reset(lost).await),
            }
            if self.sent.elapsed() > KEEP_ALIVE {
                let id = self.id();
                return Some(self.send(&format!("id: {id}\n: nothing new\n\n")));
            }
            if self.announced.is_none() {
                self.listen().await;
            }
            let announced = self.wait(patience).await;
            patience = if announced { SOON } else { (patience * 2).min(LOOK) };
        }
        None
    }

    /// The first change behind the reader's place. While the bus is away there is none.
    async fn read(&mut self) -> Result<Option<Change>, Lost> {
        for turn in 0..self.sources.len() {
            let source = &mut self.sources[turn];
            let next = self.edge.events.next(source.service, &source.subjects, source.place.sequence).await;
            let Stored { sequence, epoch, change } = match next {
                Ok(Some(stored)) => stored,
                Err(Fault { status: Status::Broken, .. }) => return Err(Lost("a change cannot be read")),
                // Nothing there, or nothing to be had at the moment.
                Ok(None) | Err(_) => continue,
            };
            if source.place.sequence > 0 && epoch != source.place.epoch {
                return Err(Lost("the stream of changes was begun again"));
            }
            source.place = Place { sequence, epoch };
            // The others are looked at first the next time: a busy service must not hide them.
            self.sources.rotate_left(turn + 1);
            return Ok(Some(change));
        }
        if self.compared.elapsed() > LOOK {
            self.compare().await?;
        }
        Ok(None)
    }

    /// Whether the streams are still those in which the reader has its place. A reader for whom there was nothing moves on with
    /// the stream, so that its place does not grow old.
    async fn compare(&mut self) -> Result<(), Lost> {
        self.compared = Instant::now();
        for source in &mut self.sources {
            let Ok(position) = self.edge.events.position(source.service).await else { continue };
            source.position = position;
            source.check()?;
            let end = Place::at_end(source.position.as_ref());
            let next = self.edge.events.next(source.service, &source.subjects, source.place.sequence).await;
            if matches!(next, Ok(None)) && end.sequence > source.place.sequence {
                source.place = end;
            }
        }
        Ok(())
    }

    /// Waits for an announcement, at most this long. Whether one came.
    async fn wait(&mut self, longest: Duration) -> bool {
        let mut stopping = self.edge.stopping.clone();
        let announced = async {
            match &mut self.announced {
                Some(announced) => announced.next().await,
                None => future::pending().await,
            }
        };
        let stopped = async {
            // It fails when the application is gone, which is a stop too.
            let _ = stopping.wait_for(|stopping| *stopping).await.map(|_| ());
        };
        let announced = tokio::select! {
            announced = announced => announced.is_some(),
            () = sleep(longest) => return false,
            () = stopped => return false,
        };
        if !announced {
            // The connection is gone; the next one is listened to as soon as there is one.
            self.announced = None;
        }
        announced
    }

    async fn reset(&mut self, Lost(reason): Lost) -> Bytes {
        for source in &mut self.sources {
            if let Ok(position) = self.edge.events.position(source.service).await {
                source.place = Place::at_end(position.as_ref());
                source.position = position;
            }
        }
        let data = json!({"reason": reason});
        let id = self.id();
        self.send(&format!("id: {id}\nevent: reset\ndata: {data}\n\n"))
    }

    fn change(&mut self, change: &Change) -> Bytes {
        let data = serde_json::to_string(change).unwrap_or_default();
        let id = self.id();
        self.send(&format!("id: {id}\nevent: change\ndata: {data}\n\n"))
    }

    fn send(&mut self, text: &str) -> Bytes {
        self.sent = Instant::now();
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn id(&self) -> String {
        let places: Vec<_> = self.sources.iter().map(ToString::to_string).collect();
        places.join(",")
    }
}

fn event_doc() -> BodyDoc {
    let example = format!(
        "id: meetingroom:7:1f0c9a2e\nevent: change\ndata: {}\n\n",
        serde_json::to_string(&Change::example()).unwrap_or_default()
    );
    BodyDoc {
        schema: ObjectBuilder::new().schema_type(Type::String).into(),
        components: Vec::new(),
        example: example.into(),
    }
}

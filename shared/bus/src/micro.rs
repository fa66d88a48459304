//! The NATS micro-service protocol: `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, each for all services, for one, and for one
//! instance. `nats micro ls` and its like find the product's services through it, and the edge's readiness asks it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use configmgt_contract::{Fault, OperationDoc};
use serde::Serialize;

/// The queue group that the replicas of a service share.
pub(crate) const QUEUE_GROUP: &str = "configmgt";

/// How an instance of a service shows itself on the bus.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Unique among all instances: letters and digits only.
    pub id: String,
    pub version: String,
    pub description: String,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Verb {
    Ping,
    Info,
    Stats,
}

impl Verb {
    pub(crate) const ALL: [Self; 3] = [Self::Ping, Self::Info, Self::Stats];

    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Info => "INFO",
            Self::Stats => "STATS",
        }
    }

    pub(crate) fn subjects(self, service: &str, id: &str) -> [String; 3] {
        let verb = self.name();
        [format!("$SRV.{verb}"), format!("$SRV.{verb}.{service}"), format!("$SRV.{verb}.{service}.{id}")]
    }
}

/// What an endpoint has done since its service started.
pub(crate) struct Statistics {
    operation: OperationDoc,
    requests: AtomicU64,
    errors: AtomicU64,
    nanoseconds: AtomicU64,
    last_error: Mutex<String>,
}

impl Statistics {
    pub(crate) fn of(operation: OperationDoc) -> Self {
        Self {
            operation,
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
            last_error: Mutex::default(),
        }
    }

    /// Counts a request with the time it took and its fault, if it had one.
    pub(crate) fn count(&self, took: Duration, fault: Option<&Fault>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(fault) = fault {
            self.errors.fetch_add(1, Ordering::Relaxed);
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = fault.to_string();
        }
    }
}

#[derive(Serialize)]
struct Response<'a> {
    r#type: &'static str,
    name: &'a str,
    id: &'a str,
    version: &'a str,
    metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<EndpointEntry<'a>>>,
}

#[derive(Serialize)]
struct EndpointEntry<'a> {
    name: &'a str,
    subject: String,
    queue_group: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(flatten)]
    counts: Option<Counts>,
}

#[derive(Serialize)]
struct Counts {
    num_requests: u64,
    num_errors: u64,
    last_error: String,
    processing_time: u64,
    average_processing_time: u64,
}

/// The answer to `verb`.
pub(crate) fn respond(
    verb: Verb,
    service: &str,
    identity: &Identity,
    started: &str,
    endpoints: &[&Statistics],
) -> Vec<u8> {
    let mut response = Response {
        r#type: "io.nats.micro.v1.ping_response",
        name: service,
        id: &identity.id,
        version: &identity.version,
        metadata: &identity.metadata,
        description: None,
        started: None,
        endpoints: None,
    };
    match verb {
        Verb::Ping => {}
        Verb::Info => {
            response.r#type = "io.nats.micro.v1.info_response";
            response.description = Some(&identity.description);
            response.endpoints = Some(endpoints.iter().map(|endpoint| endpoint.described()).collect());
        }
        Verb::Stats => {
            response.r#type = "io.nats.micro.v1.stats_response";
            response.started = Some(started);
            response.endpoints = Some(endpoints.iter().map(|endpoint| endpoint.counted()).collect());
        }
    }
    serde_json::to_vec(&response).unwrap_or_default()
}

impl Statistics {
    fn entry(&self) -> EndpointEntry<'_> {
        let OperationDoc { name, .. } = self.operation;
        EndpointEntry {
            name,
            subject: self.operation.subject(),
            queue_group: QUEUE_GROUP,
            metadata: None,
            counts: None,
        }
    }

    fn described(&self) -> EndpointEntry<'_> {
        let summary = self.operation.text.first().map_or("", |line| line.trim());
        EndpointEntry { metadata: Some(BTreeMap::from([("summary", summary)])), ..self.entry() }
    }

    fn counted(&self) -> EndpointEntry<'_> {
        let requests = self.requests.load(Ordering::Relaxed);
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        let counts = Counts {
            num_requests: requests,
            num_errors: self.errors.load(Ordering::Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            processing_time: nanoseconds,
            average_processing_time: nanoseconds.checked_div(requests).unwrap_or(0),
        };
        EndpointEntry { counts: Some(counts), ..self.entry() }
    }
}

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{Auth, AuthError, Client, ConnectOptions, Event, ServerAddr, connection::State};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::watch;
use tracing::{info, warn};

/// The oldest nats-server that keeps what the product promises: older ones ignore parts of its configuration silently.
const OLDEST_SERVER: (i64, i64, i64) = (2, 12, 0);

/// Two of these without an answer, and the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// How many commands may wait for the connection's writer.
const COMMANDS: usize = 8192;

/// A connection to NATS.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    /// Counts the times the connection was lost.
    losses: watch::Receiver<u64>,
    ending: Ending,
}

/// Whether the connection, once lost, stays lost.
///
/// The client library has no setting for it, but it connects only with what it authenticates with.
#[derive(Clone, Default)]
struct Ending(Arc<AtomicBool>);

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot reach NATS at {url}")]
    Unreachable { url: String, source: async_nats::ConnectError },
    #[error("nats-server {found} at {url} is too old: 2.12 or newer is needed")]
    TooOld { url: String, found: String },
}

/// The server did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer")]
pub(crate) struct NoRoundTrip;

impl Connection {
    /// Connects to `url`, which may carry a user and a password, and connects again whenever the connection is lost.
    ///
    /// `name` shows in the server's list of connections; replies come below the prefix `inbox`, so that the server can
    /// keep one user's replies from another.
    pub async fn open(url: &str, name: &str, inbox: &str) -> Result<Self, ConnectError> {
        let ending = Ending::default();
        let backoff = |attempts: usize| Duration::from_millis(50 * attempts.min(20) as u64);
        let known = ending.clone();
        let options = credentials(url, move || known.0.load(Ordering::Relaxed)).reconnect_delay_callback(backoff);
        Self::with(url, name, inbox, options, ending).await
    }

    /// The same for one connection only: once lost it stays lost, and what was waiting to be sent is forgotten with it. The client
    /// library would keep that and send it after the next connect, however late.
    pub(crate) async fn open_once(url: &str, name: &str, inbox: &str) -> Result<Self, ConnectError> {
        let ending = Ending::default();
        let used = ending.clone();
        let options = credentials(url, move || used.0.swap(true, Ordering::Relaxed)).max_reconnects(1);
        Self::with(url, name, inbox, options, ending).await
    }

    async fn with(
        url: &str,
        name: &str,
        inbox: &str,
        options: ConnectOptions,
        ending: Ending,
    ) -> Result<Self, ConnectError> {
        let (lost, losses) = watch::channel(0_u64);
        let lost = Arc::new(lost);
        let client = options
            .name(name)
            .custom_inbox_prefix(inbox)
            .ping_interval(PING_INTERVAL)
            .connection_timeout(Duration::from_secs(2))
            .client_capacity(COMMANDS)
            .event_callback(move |event| {
                let lost = Arc::clone(&lost);
                async move { note(&event, &lost) }
            })
            .connect(url)
            .await
            .map_err(|source| ConnectError::Unreachable { url: without_password(url), source })?;
        let (major, minor, patch) = OLDEST_SERVER;
        if !client.is_server_compatible(major, minor, patch) {
            return Err(ConnectError::TooOld { url: without_password(url), found: client.server_info().version });
        }
        Ok(Self { client, losses, ending })
    }

    /// Whether the connection stands at this moment.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until a message to ourselves has come back. By then the server has acted on all that was sent before it, and all that
    /// the server sent us before it has arrived: the client library's own flush only says that bytes were written.
    pub(crate) async fn round_trip(&self, patience: Duration) -> Result<(), NoRoundTrip> {
        let client = self.client();
        let turn = async {
            let inbox = client.new_inbox();
            let mut echo = client.subscribe(inbox.clone()).await.map_err(|_| NoRoundTrip)?;
            client.publish(inbox, Bytes::new()).await.map_err(|_| NoRoundTrip)?;
            echo.next().await.map(|_| ()).ok_or(NoRoundTrip)
        };
        tokio::time::timeout(patience, turn).await.unwrap_or(Err(NoRoundTrip))
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// From now on the connection stays lost when it is lost.
    pub(crate) fn make_last(&self) {
        self.ending.0.store(true, Ordering::Relaxed);
    }

    /// Waits until the connection does not stand.
    pub(crate) async fn down(&self) {
        let mut losses = self.losses();
        losses.mark_unchanged();
        if self.is_up() {
            // It fails when the connection is gone altogether.
            let _ = losses.changed().await;
        }
    }

    /// Waits until a connection that stays lost is lost.
    pub(crate) async fn lost(&self) {
        // It fails when the connection is gone altogether.
        let _ = self.losses().wait_for(|losses| *losses > 0).await;
    }

    pub(crate) fn losses(&self) -> watch::Receiver<u64> {
        self.losses.clone()
    }
}

/// The user and password of `url`, or its token: the client library does not take them from there by itself.
fn auth(url: &str) -> Auth {
    let address = url.parse::<ServerAddr>().ok();
    let user = address.as_ref().and_then(ServerAddr::username).map(str::to_owned);
    let password = address.as_ref().and_then(ServerAddr::password).map(str::to_owned);
    let mut auth = Auth::new();
    match password {
        Some(_) => (auth.username, auth.password) = (user, password),
        None => auth.token = user,
    }
    auth
}

/// Authenticates with what `url` says, as long as nothing is `over`.
fn credentials(url: &str, over: impl Fn() -> bool + Send + Sync + 'static) -> ConnectOptions {
    let auth = auth(url);
    ConnectOptions::with_auth_callback(move |_| {
        let answer = if over() { Err(AuthError::new("a lost connection stays lost")) } else { Ok(auth.clone()) };
        ready(answer)
    })
}

fn note(event: &Event, lost: &watch::Sender<u64>) {
    match event {
        Event::Connected => info!("connected to NATS"),
        Event::Disconnected => {
            lost.send_modify(|losses| *losses += 1);
            warn!("connection to NATS lost");
        }
        other => warn!(event = %other, "NATS"),
    }
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}{}", &url[..scheme + 3], &url[at + 1..]),
        _ => url.to_owned(),
    }
}

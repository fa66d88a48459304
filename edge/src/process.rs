//! The edge's life: from its settings to its socket, and back.

use std::{env, process::ExitCode, sync::Arc, time::Duration};

use configmgt_bus::{Caller, Patience};
use configmgt_contract::BoxError;
use configmgt_process::{settings, shutdown};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tracing::warn;

use crate::{Application, Token, Tokens, server};

const NAME: &str = "configmgt-edge";
const INBOX: &str = "_INBOX.edge";

/// The `main` of the edge. With the argument `health` it asks the running edge on this host instead.
pub fn main() -> ExitCode {
    let asks_for_health = env::args().next_back().is_some_and(|argument| argument == "health");
    configmgt_process::run(NAME, || async move { if asks_for_health { health().await } else { serve().await } })
}

async fn serve() -> Result<(), BoxError> {
    let stop = shutdown::requested();
    let token = settings::required("PLAY_AUTH_TOKEN", "the token that clients show in X-Auth-Token")?;
    let caller = Caller::start(&settings::nats_url("edge"), NAME, INBOX, Patience::default());
    let application = Application::new(
        Tokens::new(vec![Token::new("PLAY_AUTH_TOKEN", &token)]),
        Arc::new(caller.clone()),
        Arc::new(caller),
    );
    let write_patience = Duration::from_secs(settings::within("CONFIGMGT_WRITE_TIMEOUT_SECONDS", 30, 1..=3600)?.into());
    let (listener, _) = server::listen(&address()?).await?;
    let stop = async {
        if let Err(error) = stop.await {
            warn!(%error, "signals cannot be received");
        }
    };
    server::serve(listener, application, write_patience, stop).await;
    Ok(())
}

fn address() -> Result<String, BoxError> {
    Ok(settings::parsed("CONFIGMGT_LISTEN", "127.0.0.1:9100".to_owned())?)
}

/// Succeeds when the edge on this host is ready.
async fn health() -> Result<(), BoxError> {
    let address = address()?.replace("0.0.0.0:", "127.0.0.1:");
    let ask = async {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(Duration::from_secs(3), ask).await??;
    let head = answer.lines().next().unwrap_or_default();
    if head.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("not ready: {head}").into()) }
}

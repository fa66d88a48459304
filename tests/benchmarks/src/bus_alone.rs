//! The bus alone: requests and replies of the size of a room's, with nothing behind them.

use async_nats::Client;
use bytes::Bytes;
use configmgt_contract::BoxError;
use configmgt_process::shutdown;
use configmgt_stack::product::OPERATOR;
use futures_util::StreamExt;

use crate::{
    load::{Load, Outcome},
    stand::Stand,
    usage::Watched,
};

/// The argument that makes this program answer requests.
pub(crate) const NAME: &str = "echo";

const SUBJECT: &str = "benchmark.echo";

const ROOM: &str =
    r#"{"id":1000,"name":"room1000","displayName":"Meeting room number 1000","number":2000,"userPin":2000}"#;

/// Answers each request with a room, over the bus that `NATS_URL` names.
pub(crate) async fn answer() -> Result<(), BoxError> {
    let client = connect(&std::env::var("NATS_URL")?).await?;
    let mut requests = client.subscribe(SUBJECT).await?;
    let stop = shutdown::requested();
    tokio::pin!(stop);
    loop {
        let request = tokio::select! {
            request = requests.next() => request.ok_or("the bus is gone")?,
            stopped = &mut stop => return Ok(stopped?),
        };
        if let Some(reply) = request.reply {
            client.publish(reply, Bytes::from_static(ROOM.as_bytes())).await?;
        }
    }
}

pub(crate) async fn run(stand: &Stand, load: Load) -> Result<Outcome, BoxError> {
    let client = connect(&stand.site.nats_url(OPERATOR)).await?;
    let clients = vec![client; load.connections];
    let watched = Watched::default().nats(&stand.nats);
    load.on(clients, &watched, async |client| {
        #[expect(clippy::disallowed_methods, reason = "every request is answered here")]
        client.request(SUBJECT, Bytes::from_static(b"{\"id\":1000}")).await?;
        Ok(())
    })
    .await
}

pub(crate) async fn connect(url: &str) -> Result<Client, BoxError> {
    let (account, address) = url.trim_start_matches("nats://").split_once('@').ok_or("no account")?;
    let (user, password) = account.split_once(':').ok_or("no password")?;
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let options = options.custom_inbox_prefix(format!("_INBOX.{user}"));
    Ok(options.connect(address).await?)
}

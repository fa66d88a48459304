//! Connections: accepting them, bounding them, ending them.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, info, warn};

use crate::{Application, arrival, linger::Lingering};

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 4096;

/// How long a request's head may take to arrive, also on a connection that is kept open.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// How long a stop waits for the requests under way.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Twice what [[`crate::limits`]] allows, so that a request beyond its limits still gets an answer with a body.
const HEADERS: usize = 128;

/// Binds the address on which the product is served.
pub async fn listen(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    info!(%address, "listening");
    Ok((listener, address))
}

/// Serves until `stop`, then finishes the requests under way. A client that takes nothing for `write_patience` is cut off.
pub async fn serve(
    listener: TcpListener,
    application: Application,
    write_patience: Duration,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let accepted = async {
            // An error means that the semaphore was closed, which nobody does.
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (stream, place) = tokio::select! {
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => (stream, place),
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: trying again at once would only spin.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Without it small replies wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let application = application.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let application = application.clone();
            async move {
                let (request, arrival) = arrival::watched(request.map(Body::new));
                Ok::<_, Infallible>(arrival.told(application.respond(request).await))
            }
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_patience));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(Lingering::new(Box::pin(stream))), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    application.end_feeds();
    if timeout(STOP_PATIENCE, graceful.shutdown()).await.is_err() {
        warn!("stopping with requests unfinished");
    }
}

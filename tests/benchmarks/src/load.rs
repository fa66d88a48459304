//! Load over HTTP: so many connections, each asking again as soon as it is answered.
//!
//! A request is bytes that are written as they are, and of an answer only its status and its end are read: on two cores a load
//! generator that did more would measure itself.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use configmgt_contract::BoxError;
use futures_util::future::{join, try_join_all};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep_until,
};

use crate::usage::{Usage, Watched};

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// How long a load lasts, and over how many connections it comes.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) duration: Duration,
}

/// How a load went.
pub(crate) struct Outcome {
    pub(crate) took: Duration,
    /// What each answer took, from the quickest, in microseconds.
    micros: Vec<u32>,
    pub(crate) usage: Usage,
}

impl Outcome {
    pub(crate) fn new(took: Duration, mut micros: Vec<u32>, usage: Usage) -> Self {
        micros.sort_unstable();
        Self { took, micros, usage }
    }

    pub(crate) fn answers(&self) -> usize {
        self.micros.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.took.as_secs_f64()
    }

    /// What this share of the answers did not take longer than, in milliseconds.
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let place = (self.micros.len() as f64 * share) as usize;
        let place = place.min(self.micros.len().saturating_sub(1));
        self.micros.get(place).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

impl Load {
    /// Asks `address` with what `request` writes, and measures what `watched` use meanwhile. An answer other than 2xx is an error.
    pub(crate) async fn on_http(
        self,
        address: &str,
        watched: &Watched,
        request: impl Fn(&mut Vec<u8>),
    ) -> Result<Outcome, BoxError> {
        let dialled = (0..self.connections).map(|_| Connection::open(address));
        let connections = try_join_all(dialled).await?;
        self.on(connections, watched, async |connection| {
            connection.request.clear();
            request(&mut connection.request);
            connection.exchange().await
        })
        .await
    }

    /// The same for any kind of connection and exchange over it.
    pub(crate) async fn on<C>(
        self,
        mut connections: Vec<C>,
        watched: &Watched,
        exchange: impl AsyncFn(&mut C) -> Result<(), BoxError>,
    ) -> Result<Outcome, BoxError> {
        let counted_from = Instant::now() + WARM_UP;
        let until = counted_from + self.duration;
        let last = Cell::new(counted_from);
        let asking = connections.iter_mut().map(async |connection| {
            let mut micros = Vec::new();
            loop {
                let began = Instant::now();
                if began >= until {
                    return Ok::<_, BoxError>(micros);
                }
                exchange(connection).await?;
                if began >= counted_from {
                    last.set(Instant::now());
                    micros.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
                }
            }
        });
        let before = async {
            sleep_until(counted_from.into()).await;
            watched.usage()
        };
        let (micros, before) = join(try_join_all(asking), before).await;
        let usage = watched.usage()?.since(&before?);
        Ok(Outcome::new(last.get() - counted_from, micros?.concat(), usage))
    }
}

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self, BoxError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), answer: vec![0; 256 * 1024] })
    }

    /// Sends one request and reads its answer, of which it keeps nothing.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(), BoxError> {
        self.request.clear();
        self.request.extend_from_slice(request);
        self.exchange().await
    }

    /// The same where any answer will do; gives its status.
    pub(crate) async fn attempt(&mut self, request: &[u8]) -> Result<u16, BoxError> {
        self.request.clear();
        self.request.extend_from_slice(request);
        Ok(self.answered().await?.0)
    }

    async fn exchange(&mut self) -> Result<(), BoxError> {
        match self.answered().await? {
            (200..300, _) => Ok(()),
            (_, began) => Err(format!("answered {}", String::from_utf8_lossy(&self.answer[..began])).into()),
        }
    }

    /// The status of the answer, and how many bytes of its beginning are kept.
    async fn answered(&mut self) -> Result<(u16, usize), BoxError> {
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled).await?;
            if let Some(end) = self.answer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.answer[..head])?.to_ascii_lowercase();
        let status = text.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        match length {
            Some(length) => {
                let mut missing = (head + length.trim().parse::<usize>()?).saturating_sub(filled);
                while missing > 0 {
                    missing = missing.saturating_sub(self.read(0).await?);
                }
            }
            None if text.contains("transfer-encoding: chunked") => self.read_to_last_chunk(filled).await?,
            None => {}
        }
        Ok((status, filled))
    }

    /// JSON holds no line break, so nothing but the last chunk ends like this.
    async fn read_to_last_chunk(&mut self, mut filled: usize) -> Result<(), BoxError> {
        const LAST: &[u8] = b"\r\n0\r\n\r\n";
        while !self.answer[..filled].ends_with(LAST) {
            let kept = filled.min(LAST.len());
            self.answer.copy_within(filled - kept..filled, 0);
            filled = kept + self.read(kept).await?;
        }
        Ok(())
    }

    async fn read(&mut self, from: usize) -> Result<usize, BoxError> {
        match self.stream.read(&mut self.answer[from..]).await? {
            0 => Err("the connection ended inside an answer".into()),
            read => Ok(read),
        }
    }
}

/// The bytes of a request; `body` is empty where it has none.
pub(crate) fn write_request(into: &mut Vec<u8>, method: &str, path: &str, token: &str, body: &str) {
    use std::io::Write;

    // Writing to memory does not fail.
    let _ = write!(
        into,
        "{method} {path} HTTP/1.1\r\nhost: benchmark\r\nx-auth-token: {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
}

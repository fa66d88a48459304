//! A close after which the last answer can still be read.
//!
//! A request may be answered before all of its body has come: no token, too large a file, a header line that cannot be understood.
//! A socket that is closed while something unread has come resets the connection, and what the client has not read yet is lost with
//! it: most clients write their whole body before they read, and would report a broken connection in the place of the answer. So an
//! end goes in three steps, as in other HTTP servers: nothing more is sent, what still comes is read and dropped, and only then the
//! socket is closed. A client that goes on for longer than that is cut off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long, and how much of what comes, is read after the last answer.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST: usize = 1024 * 1024;

/// A stream whose shutdown takes all three steps.
pub(crate) struct Lingering<S> {
    stream: S,
    end: Option<End>,
}

/// The second step.
struct End {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Lingering<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream, end: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, room)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, end } = self.get_mut();
        let end = match end {
            Some(end) => end,
            None => {
                ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
                end.insert(End { until: Box::pin(sleep(PATIENCE)), left: MOST })
            }
        };
        let mut dropped = [0; 8 * 1024];
        while end.left > 0 && end.until.as_mut().poll(context).is_pending() {
            let mut room = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut room));
            if read.is_err() || room.filled().is_empty() {
                break;
            }
            end.left = end.left.saturating_sub(room.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

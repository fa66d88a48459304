//! Replies of any length, written while their parts come.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use crate::{BoxError, PIECE_BYTES};

/// Writes a reply, a batch at a time.
pub(crate) trait Writer: Send + 'static {
    type Batch: Send;

    fn begin(&mut self, written: &mut BytesMut);

    fn write(&mut self, batch: Self::Batch, written: &mut BytesMut) -> Result<(), BoxError>;

    fn end(&mut self, written: &mut BytesMut);
}

/// The pieces of what `writer` makes of the batches. A batch is asked for only when the reader has taken what came before, so
/// nobody holds all of it.
pub(crate) fn pieces<W: Writer>(
    batches: BoxStream<'static, Result<W::Batch, BoxError>>,
    mut writer: W,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
    let mut written = BytesMut::new();
    writer.begin(&mut written);
    let making = Making { batches, writer, written, done: false, long: false };
    stream::try_unfold(making, |mut making| async move {
        let piece = making.next_piece().await?;
        Ok(piece.map(|piece| (piece, making)))
    })
}

struct Making<W: Writer> {
    batches: BoxStream<'static, Result<W::Batch, BoxError>>,
    writer: W,
    written: BytesMut,
    done: bool,
    /// A whole piece has been made, and most likely more follow.
    long: bool,
}

impl<W: Writer> Making<W> {
    async fn next_piece(&mut self) -> Result<Option<Bytes>, BoxError> {
        while !self.done && self.written.len() < PIECE_BYTES {
            if let Some(batch) = self.batches.next().await {
                if self.long {
                    self.written.reserve(PIECE_BYTES);
                }
                self.writer.write(batch?, &mut self.written)?;
            } else {
                self.writer.end(&mut self.written);
                self.done = true;
            }
        }
        let length = self.written.len().min(PIECE_BYTES);
        self.long |= length == PIECE_BYTES;
        Ok((length > 0).then(|| self.written.split_to(length).freeze()))
    }
}

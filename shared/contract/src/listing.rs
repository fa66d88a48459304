use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, RefOr},
};

use crate::{Answer, Body, BoxError, Example, PIECE_BYTES, Reply, Success};

/// A JSON array of any length. Its items are written as they come and leave in pieces, so nobody holds all of it.
pub struct Listing<T> {
    items: BoxStream<'static, Result<Vec<T>, BoxError>>,
}

impl<T: Serialize + Send + 'static> Listing<T> {
    /// A listing of the items of each batch in turn. A batch is asked for only when the reader has taken what came before.
    pub fn of_batches<E: Into<BoxError>>(batches: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Self {
        Self { items: batches.map(|batch| batch.map_err(Into::into)).boxed() }
    }

    fn pieces(self) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
        let writer = ArrayWriter { batches: self.items, written: BytesMut::from(&b"["[..]), first: true, done: false };
        stream::try_unfold(writer, |mut writer| async move {
            let piece = writer.next_piece().await?;
            Ok(piece.map(|piece| (piece, writer)))
        })
    }
}

struct ArrayWriter<T> {
    batches: BoxStream<'static, Result<Vec<T>, BoxError>>,
    written: BytesMut,
    first: bool,
    done: bool,
}

impl<T: Serialize> ArrayWriter<T> {
    async fn next_piece(&mut self) -> Result<Option<Bytes>, BoxError> {
        while !self.done && self.written.len() < PIECE_BYTES {
            match self.batches.next().await {
                Some(batch) => self.write(&batch?)?,
                None => {
                    self.written.extend_from_slice(b"]");
                    self.done = true;
                }
            }
        }
        let length = self.written.len().min(PIECE_BYTES);
        Ok((length > 0).then(|| self.written.split_to(length).freeze()))
    }

    fn write(&mut self, batch: &[T]) -> Result<(), BoxError> {
        for item in batch {
            if !std::mem::take(&mut self.first) {
                self.written.extend_from_slice(b",");
            }
            serde_json::to_writer(bytes::BufMut::writer(&mut self.written), item)?;
        }
        Ok(())
    }
}

impl<T: Serialize + ToSchema + Example + Send + 'static> Reply for Listing<T> {
    const SUCCESS: Success = Success::Ok;

    fn answer(self) -> Result<Answer, BoxError> {
        Ok(Answer::Pieces(self.pieces().boxed()))
    }

    fn schema() -> Option<Body> {
        let item = Body::of::<T>();
        Some(Body {
            schema: RefOr::T(ArrayBuilder::new().items(item.schema).build().into()),
            components: item.components,
            example: serde_json::Value::Array(vec![item.example]),
        })
    }
}

use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, RefOr},
};

use crate::{
    Answer, Body, BoxError, Example, Reply, Success,
    written::{Writer, pieces},
};

/// A JSON array of any length. Its items are written as they come and leave in pieces, so nobody holds all of it.
pub struct Listing<T> {
    items: BoxStream<'static, Result<Vec<T>, BoxError>>,
}

impl<T: Serialize + Send + 'static> Listing<T> {
    /// A listing of the items of each batch in turn. A batch is asked for only when the reader has taken what came before.
    pub fn of_batches<E: Into<BoxError>>(batches: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Self {
        Self { items: batches.map(|batch| batch.map_err(Into::into)).boxed() }
    }
}

struct ArrayWriter<T> {
    first: bool,
    items: PhantomData<fn(T)>,
}

impl<T: Serialize + Send + 'static> Writer for ArrayWriter<T> {
    type Batch = Vec<T>;

    fn begin(&mut self, written: &mut BytesMut) {
        written.put_u8(b'[');
    }

    fn write(&mut self, batch: Vec<T>, written: &mut BytesMut) -> Result<(), BoxError> {
        for item in batch {
            if !std::mem::take(&mut self.first) {
                written.put_u8(b',');
            }
            serde_json::to_writer(written.writer(), &item)?;
        }
        Ok(())
    }

    fn end(&mut self, written: &mut BytesMut) {
        written.put_u8(b']');
    }
}

impl<T: Serialize + ToSchema + Example + Send + 'static> Reply for Listing<T> {
    const SUCCESS: Success = Success::Ok;

    fn answer(self) -> Result<Answer, BoxError> {
        Ok(Answer::Pieces(pieces(self.items, ArrayWriter { first: true, items: PhantomData }).boxed()))
    }

    fn schema() -> Option<Body> {
        Some(array_of::<T>())
    }
}

/// An array, as the documents describe it.
pub(crate) fn array_of<T: Serialize + ToSchema + Example>() -> Body {
    let item = Body::of::<T>();
    Body {
        schema: RefOr::T(ArrayBuilder::new().items(item.schema).build().into()),
        components: item.components,
        example: serde_json::Value::Array(vec![item.example]),
    }
}

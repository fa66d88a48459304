//! Listings whose items hold lists that are long themselves.

use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Answer, Body, BoxError, Example, Reply, Success,
    listing::array_of,
    written::{Writer, pieces},
};

/// An item that holds a list of any length: the other members, and behind them the list.
pub trait Nests: Serialize + ToSchema + Example + Send + 'static {
    /// The item without its list: it must be written as a JSON object with a member at least.
    type Outer: Serialize + Send + 'static;
    type Inner: Serialize + Send + 'static;
    /// The name of the list.
    const MEMBER: &'static str;
}

/// A JSON array of items that each hold a list. Both may have any length: what is inside an item is written as it comes, too.
pub struct Nested<T: Nests> {
    parts: BoxStream<'static, Result<Vec<Part<T>>, BoxError>>,
}

/// What a [`Nested`] is made of, in this order: for each item its beginning, what is in its list, and its end.
pub enum Part<T: Nests> {
    Begin(T::Outer),
    Inner(T::Inner),
    End,
}

impl<T: Nests> Nested<T> {
    /// A listing of the parts of each batch in turn. A batch is asked for only when the reader has taken what came before.
    pub fn of_batches<E: Into<BoxError>>(
        batches: impl Stream<Item = Result<Vec<Part<T>>, E>> + Send + 'static,
    ) -> Self {
        Self { parts: batches.map(|batch| batch.map_err(Into::into)).boxed() }
    }
}

struct NestedWriter<T> {
    first: bool,
    first_inner: bool,
    items: PhantomData<fn(T)>,
}

impl<T: Nests> Writer for NestedWriter<T> {
    type Batch = Vec<Part<T>>;

    fn begin(&mut self, written: &mut BytesMut) {
        written.put_u8(b'[');
    }

    fn write(&mut self, batch: Vec<Part<T>>, written: &mut BytesMut) -> Result<(), BoxError> {
        for part in batch {
            match part {
                Part::Begin(outer) => {
                    if !std::mem::take(&mut self.first) {
                        written.put_u8(b',');
                    }
                    serde_json::to_writer((&mut *written).writer(), &outer)?;
                    // Its closing brace comes behind the list.
                    written.truncate(written.len() - 1);
                    written.put_slice(b",\"");
                    written.put_slice(T::MEMBER.as_bytes());
                    written.put_slice(b"\":[");
                    self.first_inner = true;
                }
                Part::Inner(inner) => {
                    if !std::mem::take(&mut self.first_inner) {
                        written.put_u8(b',');
                    }
                    serde_json::to_writer((&mut *written).writer(), &inner)?;
                }
                Part::End => written.put_slice(b"]}"),
            }
        }
        Ok(())
    }

    fn end(&mut self, written: &mut BytesMut) {
        written.put_u8(b']');
    }
}

impl<T: Nests> Reply for Nested<T> {
    const SUCCESS: Success = Success::Ok;

    fn answer(self) -> Result<Answer, BoxError> {
        let writer = NestedWriter { first: true, first_inner: true, items: PhantomData };
        Ok(Answer::Pieces(pieces(self.parts, writer).boxed()))
    }

    fn schema() -> Option<Body> {
        Some(array_of::<T>())
    }
}

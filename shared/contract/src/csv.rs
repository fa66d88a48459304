//! Exports: CSV of the form that imports have.

use std::marker::PhantomData;

use bytes::{BufMut, BytesMut};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use utoipa::openapi::{ObjectBuilder, RefOr, Type};

use crate::{
    Answer, Body, BoxError, Example, Reply, Success,
    written::{Writer, pieces},
};

/// A row of an export.
pub trait CsvRow: Example + Send + 'static {
    /// The names of its fields.
    const COLUMNS: &'static [&'static str];

    /// Its fields in the same order; none is empty.
    fn fields(self) -> impl Iterator<Item = Option<String>>;
}

/// A header line and rows, of any number: UTF-8, fields separated by `|`, none quoted. What would end a field or a line within one
/// is a blank, and what a spreadsheet would take for a formula begins with `'`.
pub struct Csv<T> {
    rows: BoxStream<'static, Result<Vec<T>, BoxError>>,
}

impl<T: CsvRow> Csv<T> {
    /// The rows of each batch in turn. A batch is asked for only when the reader has taken what came before.
    pub fn of_batches<E: Into<BoxError>>(batches: impl Stream<Item = Result<Vec<T>, E>> + Send + 'static) -> Self {
        Self { rows: batches.map(|batch| batch.map_err(Into::into)).boxed() }
    }
}

struct CsvWriter<T> {
    rows: PhantomData<fn(T)>,
}

impl<T: CsvRow> Writer for CsvWriter<T> {
    type Batch = Vec<T>;

    fn begin(&mut self, written: &mut BytesMut) {
        write_line(T::COLUMNS.iter().map(|name| Some((*name).to_owned())), written);
    }

    fn write(&mut self, batch: Vec<T>, written: &mut BytesMut) -> Result<(), BoxError> {
        for row in batch {
            write_line(row.fields(), written);
        }
        Ok(())
    }

    fn end(&mut self, _: &mut BytesMut) {}
}

fn write_line(fields: impl Iterator<Item = Option<String>>, written: &mut BytesMut) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            written.put_u8(b'|');
        }
        write_field(&field.unwrap_or_default(), written);
    }
    written.put_u8(b'\n');
}

fn write_field(field: &str, written: &mut BytesMut) {
    // A spreadsheet looks behind blanks, too.
    if field.trim_start().starts_with(['=', '+', '-', '@']) {
        written.put_u8(b'\'');
    }
    // Neither of these bytes is part of a longer character.
    written.extend(field.bytes().map(|byte| if byte == b'|' || byte.is_ascii_control() { b' ' } else { byte }));
}

impl<T: CsvRow> Reply for Csv<T> {
    const SUCCESS: Success = Success::Ok;
    const CONTENT_TYPE: &'static str = "text/csv; charset=utf-8";

    fn answer(self) -> Result<Answer, BoxError> {
        Ok(Answer::Pieces(pieces(self.rows, CsvWriter { rows: PhantomData }).boxed()))
    }

    fn schema() -> Option<Body> {
        let mut example = BytesMut::new();
        write_line(T::COLUMNS.iter().map(|name| Some((*name).to_owned())), &mut example);
        write_line(T::example().fields(), &mut example);
        Some(Body {
            schema: RefOr::T(ObjectBuilder::new().schema_type(Type::String).build().into()),
            components: Vec::new(),
            example: String::from_utf8_lossy(&example).into_owned().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(field: &str) -> String {
        let mut written = BytesMut::new();
        write_field(field, &mut written);
        String::from_utf8(written.to_vec()).unwrap()
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text() {
        for (field, expected) in [
            ("=cmd()", "'=cmd()"),
            ("+33230210092", "'+33230210092"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "' =1"),
            ("\r=1", "' =1"),
            ("a=1", "a=1"),
            ("O'Neill \"é\"", "O'Neill \"é\""),
            ("", ""),
        ] {
            assert_eq!(written(field), expected, "{field:?}");
        }
    }

    #[test]
    fn what_would_end_a_field_or_a_line_is_a_blank() {
        assert_eq!(written("a|b\r\nc\0d"), "a b  c d");
    }
}

//! The CSV of imports, read as it comes.
//!
//! The form is XiVO's own: UTF-8, with a byte order mark or without; fields separated by `|`; lines ended by LF or CRLF; the first
//! line names the columns, in any order. Nothing is quoted: `O'Neill` and `"` are plain characters, and so is a CR that ends no
//! line. An empty field is an absent one, and an empty line below the header is skipped.
//!
//! So a row is a line and a field is what stands between two separators, which takes no parser of CSV. The crate `csv` would be
//! in the way: it takes a lone CR for the end of a row, grows its buffer with the row, and knows neither lines that are left out
//! nor the name of the column at which a byte is wrong.

use std::{borrow::Cow, ops::Range};

use configmgt_contract::{
    line_errors::{LineError, LineErrors},
    quoted,
};

/// The most bytes of a line, without its end.
pub const MAX_LINE: usize = 64 * 1024;

/// How many errors are kept; the others are only counted.
pub const MAX_ERRORS: usize = 100;

const SEPARATOR: u8 = b'|';
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A column that a file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// Without it the file is refused; its fields may still be empty.
    pub required: bool,
}

/// A line below the header.
#[derive(Debug, Clone, Copy)]
pub struct Row<'line> {
    /// Its number; the header's is 1.
    pub line: u64,
    columns: &'static [Column],
    text: &'line str,
    places: &'line [Range<usize>],
}

impl<'line> Row<'line> {
    /// The field in this column, unless it is empty or the file has no such column.
    pub fn get(&self, column: &str) -> Option<&'line str> {
        let index = self.columns.iter().position(|known| known.name == column)?;
        self.text.get(self.places.get(index)?.clone()).filter(|field| !field.is_empty())
    }
}

/// All that is wrong with a file: the first [`MAX_ERRORS`] errors, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors {
    kept: Vec<LineError>,
    total: u64,
    lines: u64,
    last_line: u64,
}

impl Errors {
    /// Adds one; also for who reads the rows and finds what this module cannot know, maybe behind later lines. All that is wrong
    /// with a line is added in a row.
    pub fn add(&mut self, line: u64, column: Option<&'static str>, reason: impl Into<String>) {
        self.total += 1;
        if std::mem::replace(&mut self.last_line, line) != line {
            self.lines += 1;
        }
        let place = self.kept.partition_point(|known| known.line <= line);
        if place < MAX_ERRORS {
            self.kept.insert(place, LineError { line, column: column.map(Cow::Borrowed), reason: reason.into() });
            self.kept.truncate(MAX_ERRORS);
        }
    }

    /// How many lines something is wrong with.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The first ones, in the order of the lines.
    pub fn kept(&self) -> &[LineError] {
        &self.kept
    }

    /// All of it, for a refusal.
    pub fn listed(&self) -> LineErrors {
        LineErrors { first: self.kept.clone(), more: self.total - self.kept.len() as u64 }
    }

    /// How many there are, those that are not kept included.
    pub const fn total(&self) -> u64 {
        self.total
    }
}

/// Reads a file whose bytes come in pieces, cut anywhere. It holds no more of it than one line.
pub struct Reader {
    columns: &'static [Column],
    header: Header,
    /// The line that comes next.
    line: u64,
    /// The beginning of that line, as far as it has come: no more than [`MAX_LINE`] and a byte.
    begun: Vec<u8>,
    too_long: bool,
    /// Where in its line the field of each known column stands.
    places: Vec<Range<usize>>,
    rows: u64,
    errors: Errors,
}

enum Header {
    Awaited,
    /// For each field of a line its column, by its place among the known ones.
    Of(Vec<usize>),
    /// No line can be understood.
    Bad,
}

impl Reader {
    /// A reader of files that have these columns and no others.
    pub fn new(columns: &'static [Column]) -> Self {
        Self {
            columns,
            header: Header::Awaited,
            line: 1,
            begun: Vec::new(),
            too_long: false,
            places: vec![0..0; columns.len()],
            rows: 0,
            errors: Errors::default(),
        }
    }

    /// Takes the next piece, and hands each row that it ends to `each`, which may add what is wrong with it.
    pub fn push(&mut self, piece: &[u8], each: &mut impl FnMut(Row<'_>, &mut Errors)) {
        let mut lines = piece.split(|byte| *byte == b'\n');
        let unended = lines.next_back().unwrap_or_default();
        for end in lines {
            if self.begun.is_empty() && !self.too_long {
                self.read(end, each);
            } else {
                self.begin(end);
                self.read_begun(each);
            }
        }
        self.begin(unended);
    }

    /// Says that there is nothing more to come, and gives how many rows there were and what is wrong with the file.
    pub fn finish(mut self, each: &mut impl FnMut(Row<'_>, &mut Errors)) -> (u64, Errors) {
        if !self.begun.is_empty() || self.too_long {
            self.read_begun(each);
        }
        if matches!(self.header, Header::Awaited) {
            self.errors.add(1, None, "there is no header line");
        }
        (self.rows, self.errors)
    }

    /// How many rows there were so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// What is wrong so far.
    pub const fn errors(&self) -> &Errors {
        &self.errors
    }

    /// The same, for who finds more of it between two pieces.
    pub const fn errors_mut(&mut self) -> &mut Errors {
        &mut self.errors
    }

    /// Keeps what has come of a line whose end has not.
    fn begin(&mut self, bytes: &[u8]) {
        // One byte more is a CR, or shows that the line is too long.
        if self.too_long || self.begun.len() + bytes.len() > MAX_LINE + 1 {
            self.too_long = true;
            self.begun.clear();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn read_begun(&mut self, each: &mut impl FnMut(Row<'_>, &mut Errors)) {
        if std::mem::take(&mut self.too_long) {
            self.line_too_long();
        } else {
            let mut begun = std::mem::take(&mut self.begun);
            self.read(&begun, each);
            begun.clear();
            self.begun = begun;
        }
    }

    /// Reads a whole line, of which only the LF is gone.
    fn read(&mut self, bytes: &[u8], each: &mut impl FnMut(Row<'_>, &mut Errors)) {
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() > MAX_LINE {
            return self.line_too_long();
        }
        match &self.header {
            Header::Awaited => self.header = self.read_header(bytes),
            Header::Of(_) if !bytes.is_empty() => self.read_row(bytes, each),
            Header::Of(_) | Header::Bad => {}
        }
        self.line += 1;
    }

    fn line_too_long(&mut self) {
        match self.header {
            Header::Awaited => self.header = Header::Bad,
            Header::Of(_) => {}
            Header::Bad => return,
        }
        self.errors.add(self.line, None, format!("the line has more than {MAX_LINE} bytes"));
        self.line += 1;
    }

    fn read_header(&mut self, bytes: &[u8]) -> Header {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let before = self.errors.total;
        let text = match std::str::from_utf8(bytes) {
            Ok("") => return self.bad_header("there is no header line"),
            Ok(text) => text,
            Err(_) => return self.bad_header(NOT_UTF8),
        };
        let mut of_fields = Vec::new();
        for name in text.split(char::from(SEPARATOR)) {
            match self.columns.iter().position(|known| known.name == name) {
                Some(index) if of_fields.contains(&index) => {
                    self.errors.add(1, Some(self.columns[index].name), "the column is there twice");
                }
                Some(index) => of_fields.push(index),
                None => self.errors.add(1, None, format!("{}: no such column", quoted(name))),
            }
        }
        for (index, column) in self.columns.iter().enumerate() {
            if column.required && !of_fields.contains(&index) {
                self.errors.add(1, Some(column.name), "the column is missing");
            }
        }
        if self.errors.total == before { Header::Of(of_fields) } else { Header::Bad }
    }

    fn bad_header(&mut self, reason: &str) -> Header {
        self.errors.add(1, None, reason);
        Header::Bad
    }

    fn read_row(&mut self, bytes: &[u8], each: &mut impl FnMut(Row<'_>, &mut Errors)) {
        let Header::Of(of_fields) = &self.header else { return };
        let name_at = |position: usize| {
            let field = bytes.iter().take(position).filter(|byte| **byte == SEPARATOR).count();
            of_fields.get(field).map(|index| self.columns[*index].name)
        };
        if let Some(position) = bytes.iter().position(|byte| *byte == 0) {
            return self.errors.add(self.line, name_at(position), "a NUL character cannot be stored");
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return self.errors.add(self.line, name_at(error.valid_up_to()), NOT_UTF8),
        };
        let mut fields = 0;
        let mut start = 0;
        for field in bytes.split(|byte| *byte == SEPARATOR) {
            let end = start + field.len();
            if let Some(index) = of_fields.get(fields) {
                self.places[*index] = start..end;
            }
            fields += 1;
            start = end + 1;
        }
        if fields != of_fields.len() {
            let reason = format!("fields in this line: {fields}, in the header: {}", of_fields.len());
            return self.errors.add(self.line, None, reason);
        }
        self.rows += 1;
        let row = Row { line: self.line, columns: self.columns, text, places: &self.places };
        each(row, &mut self.errors);
    }
}

const NOT_UTF8: &str = "what stands here is not UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_held_than_the_longest_line() {
        let mut reader = Reader::new(&[]);
        for _ in 0..1000 {
            reader.push(&[b'x'; 4096], &mut |_, _| {});
        }
        assert!(reader.begun.capacity() <= 2 * MAX_LINE, "{}", reader.begun.capacity());
    }
}

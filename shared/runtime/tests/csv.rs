//! The CSV of imports, in files right and wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use configmgt_runtime::csv::{Column, Errors, MAX_ERRORS, MAX_LINE, Reader, Row};
use proptest::{collection::vec, prelude::*};

const NOT_UTF8: &str = "what stands here is not UTF-8";

const COLUMNS: &[Column] = &[
    Column { name: "phoneNumber", required: true },
    Column { name: "lastName", required: false },
    Column { name: "company", required: false },
];

/// A row as a test sees it: its line and its fields, in the order of [`COLUMNS`].
type Seen = (u64, [Option<String>; 3]);

fn read(pieces: &[&[u8]]) -> (Vec<Seen>, Result<u64, Errors>) {
    let mut seen = Vec::new();
    let mut each = |row: Row<'_>, _: &mut Errors| {
        let fields = ["phoneNumber", "lastName", "company"].map(|column| row.get(column).map(str::to_owned));
        seen.push((row.line, fields));
    };
    let mut reader = Reader::new(COLUMNS);
    for piece in pieces {
        reader.push(piece, &mut each);
    }
    let (rows, errors) = reader.finish(&mut each);
    let outcome = if errors.total() == 0 { Ok(rows) } else { Err(errors) };
    (seen, outcome)
}

fn seen(line: u64, phone_number: &str, last_name: &str, company: &str) -> Seen {
    let field = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (line, [field(phone_number), field(last_name), field(company)])
}

/// The rows of a file in which nothing is wrong.
fn rows(text: impl AsRef<[u8]>) -> Vec<Seen> {
    let (seen, outcome) = read(&[text.as_ref()]);
    assert_eq!(outcome, Ok(seen.len() as u64));
    seen
}

/// The lines that were read although something is wrong with others, and what that is.
fn errors(text: impl AsRef<[u8]>) -> (Vec<u64>, Vec<String>) {
    let (seen, outcome) = read(&[text.as_ref()]);
    let errors = outcome.unwrap_err();
    assert_eq!(errors.total(), errors.kept().len() as u64);
    (seen.iter().map(|(line, _)| *line).collect(), errors.kept().iter().map(ToString::to_string).collect())
}

#[test]
fn columns_are_found_by_name_in_any_order_and_may_be_left_out() {
    let all = "company|phoneNumber|lastName\nAcme|1|Doe\n";
    assert_eq!(rows(all), [seen(2, "1", "Doe", "Acme")]);
    assert_eq!(rows("lastName|phoneNumber\nDoe|1\n"), [seen(2, "1", "Doe", "")]);
}

#[test]
fn an_empty_field_is_absent_also_in_a_required_column() {
    assert_eq!(rows("phoneNumber|lastName|company\n||\n|a|\n"), [seen(2, "", "", ""), seen(3, "", "a", "")]);
}

#[test]
fn nothing_is_quoted_trimmed_or_escaped() {
    let text = "phoneNumber|lastName|company\n\"1|O'Neill|\"a\"\"b\" \\n\n #|\t|a,b;c\n";
    assert_eq!(rows(text), [seen(2, "\"1", "O'Neill", "\"a\"\"b\" \\n"), seen(3, " #", "\t", "a,b;c")]);
}

#[test]
fn lines_end_in_lf_or_crlf_and_the_last_one_may_lack_its_end() {
    let expected = [seen(2, "1", "a", ""), seen(3, "2", "b", "")];
    assert_eq!(rows("phoneNumber|lastName\n1|a\n2|b\n"), expected);
    assert_eq!(rows("phoneNumber|lastName\r\n1|a\r\n2|b\r\n"), expected);
    assert_eq!(rows("phoneNumber|lastName\r\n1|a\n2|b"), expected);
    assert_eq!(rows("phoneNumber|lastName\n1|a\n2|b\r"), expected);
    assert_eq!(rows("phoneNumber|lastName\n1|a\rb\r\r\n"), [seen(2, "1", "a\rb\r", "")]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(rows("\u{feff}phoneNumber\n1\n"), [seen(2, "1", "", "")]);
    assert_eq!(rows("phoneNumber\n\u{feff}1\n"), [seen(2, "\u{feff}1", "", "")]);
}

#[test]
fn empty_lines_are_skipped_and_counted() {
    assert_eq!(rows("phoneNumber\n\n1\n\r\n\n2\n\n"), [seen(3, "1", "", ""), seen(6, "2", "", "")]);
}

#[test]
fn a_file_may_have_no_rows() {
    assert!(rows("phoneNumber").is_empty());
    assert!(rows("phoneNumber\r\n").is_empty());
}

#[test]
fn a_file_without_a_header_is_refused() {
    for text in ["", "\n", "\u{feff}", "\r\nphoneNumber\n1\n"] {
        assert_eq!(errors(text), (vec![], vec!["line 1: there is no header line".to_owned()]), "{text:?}");
    }
}

#[test]
fn all_that_is_wrong_with_a_header_is_said_and_no_row_is_read() {
    let text = "lastName|lastname|lastName||company \n1|2|3|4|5\n1\n";
    let expected = [
        "line 1: 'lastname': no such column",
        "line 1, lastName: the column is there twice",
        "line 1: '': no such column",
        "line 1: 'company ': no such column",
        "line 1, phoneNumber: the column is missing",
    ];
    assert_eq!(errors(text), (vec![], expected.map(str::to_owned).to_vec()));
    assert_eq!(errors(b"phoneNumber\xff\n1\n"), (vec![], vec![format!("line 1: {NOT_UTF8}")]));
    let (_, said) = errors(format!("phoneNumber|a\0{}\n", "b".repeat(100)));
    assert_eq!(said, [format!("line 1: 'a\\0{}…': no such column", "b".repeat(62))]);
}

#[test]
fn a_line_with_too_few_or_too_many_fields_is_an_error_of_that_line() {
    let text = "phoneNumber|lastName\n1\n2|b\n3|c|\n4|d|e\n";
    let expected = [
        "line 2: fields in this line: 1, in the header: 2",
        "line 4: fields in this line: 3, in the header: 2",
        "line 5: fields in this line: 3, in the header: 2",
    ];
    assert_eq!(errors(text), (vec![3], expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_nul_or_what_is_not_utf8_is_an_error_of_its_line_and_column() {
    let text = b"phoneNumber|lastName|company\n1|a\0|b\n2|\xff\xfe|b\n3|c\xc3\n4|d|\xe2\x82\n5|e|f\n";
    let expected = [
        "line 2, lastName: a NUL character cannot be stored".to_owned(),
        format!("line 3, lastName: {NOT_UTF8}"),
        format!("line 4, lastName: {NOT_UTF8}"),
        format!("line 5, company: {NOT_UTF8}"),
    ];
    assert_eq!(errors(text), (vec![6], expected.to_vec()));
}

#[test]
fn a_line_that_is_too_long_is_an_error_of_that_line_however_it_comes() {
    let (longest, too_long) = ("x".repeat(MAX_LINE), "x".repeat(MAX_LINE + 1));
    let text = format!("phoneNumber\n{too_long}\n{longest}\r\n{too_long}\r\n{too_long}{too_long}\n1\n{longest}");
    let lines = |pieces: &[&[u8]]| {
        let (seen, outcome) = read(pieces);
        (seen.iter().map(|(line, _)| *line).collect::<Vec<_>>(), outcome.unwrap_err().listed().to_string())
    };
    let reason = "the line has more than 65536 bytes";
    let expected = (vec![3, 6, 7], format!("line 2: {reason}; line 4: {reason}; line 5: {reason}"));
    assert_eq!(lines(&[text.as_bytes()]), expected);
    for size in [1, 1000, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2] {
        assert_eq!(lines(&text.as_bytes().chunks(size).collect::<Vec<_>>()), expected, "{size}");
    }
    assert_eq!(errors(&too_long), (vec![], vec![format!("line 1: {reason}")]));
    assert_eq!(errors(format!("{too_long}\n{too_long}\n1\n")), (vec![], vec![format!("line 1: {reason}")]));
}

#[test]
fn the_first_hundred_errors_are_kept_and_all_are_counted_also_those_of_the_caller() {
    let text = format!("phoneNumber\n{}", "1\n2|\n".repeat(80));
    let mut each = |row: Row<'_>, errors: &mut Errors| errors.add(row.line, Some("phoneNumber"), "it is taken");
    let mut reader = Reader::new(COLUMNS);
    reader.push(text.as_bytes(), &mut each);
    assert_eq!(reader.errors().total(), 160);
    assert_eq!(reader.rows(), 80);
    let (rows, errors) = reader.finish(&mut each);
    assert_eq!(rows, 80);
    assert_eq!((errors.kept().len(), errors.total()), (MAX_ERRORS, 160));
    let said = errors.listed().to_string();
    let begin = "line 2, phoneNumber: it is taken; line 3: fields in this line: 2, in the header: 1; line 4,";
    assert!(said.starts_with(begin), "{said}");
    assert!(said.ends_with("line 101: fields in this line: 2, in the header: 1; and 60 more"), "{said}");
}

#[test]
fn what_is_found_behind_later_lines_is_kept_in_its_place() {
    let mut errors = Errors::default();
    for line in 50..200 {
        errors.add(line, None, "bad");
    }
    errors.add(7, Some("phoneNumber"), "it is taken");
    errors.add(7, Some("company"), "it is taken");
    let kept: Vec<_> = errors.kept().iter().map(|error| error.line).collect();
    assert_eq!(kept, [7, 7].into_iter().chain(50..148).collect::<Vec<_>>());
    assert_eq!(errors.kept()[1].column.as_deref(), Some("company"));
    assert_eq!((errors.total(), errors.lines()), (152, 151));
}

#[test]
fn a_column_that_nobody_knows_has_no_fields() {
    let mut each = |row: Row<'_>, _: &mut Errors| assert_eq!(row.get("colour"), None);
    let mut reader = Reader::new(COLUMNS);
    reader.push(b"phoneNumber\n1\n", &mut each);
    assert_eq!(reader.finish(&mut each), (1, Errors::default()));
}

/// Lines of all kinds, with their ends: right ones, bad ones, and bytes of no meaning.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => "[é|a\"]{0,6}\\|[0-9]{0,4}\\|[€ü]{0,3}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..12),
        1 => Just(Vec::new()),
    ];
    let end = prop_oneof![Just(&b"\n"[..]), Just(&b"\r\n"[..])];
    let header = prop_oneof![
        Just("\u{feff}phoneNumber|lastName|company"),
        Just("company|phoneNumber|lastName"),
        Just("company|Ł")
    ];
    (header, vec((line, end.clone()), 0..12), end).prop_map(|(header, lines, end)| {
        let rest = lines.into_iter().flat_map(|(line, end)| [line, end.to_vec()].concat());
        [header.as_bytes(), end].concat().into_iter().chain(rest).collect()
    })
}

proptest! {
    #[test]
    fn however_a_file_is_cut_it_reads_the_same(file in file(), cuts in vec(any::<prop::sample::Index>(), 0..20)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(file.len() + 1)).collect();
        cuts.extend([0, file.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &file[cut[0]..cut[1]]).collect();
        let whole = read(&[&file]);
        prop_assert_eq!(read(&pieces), whole.clone());
        prop_assert_eq!(read(&file.chunks(1).collect::<Vec<_>>()), whole);
    }
}

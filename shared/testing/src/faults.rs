use configmgt_contract::{Fault, Status};
use serde_json::{Value, json};

pub fn fault(status: Status, code: &str, message: &str) -> Fault {
    Fault::coded(status, code, message)
}

pub fn bad_request(message: &str) -> Fault {
    fault(Status::Invalid, "BadRequest", message)
}

pub fn duplicate(constraint: &str) -> Fault {
    let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
    fault(Status::Conflict, "Duplicate", &message)
}

/// The refusal of a file, with each error that the message names in the envelope, too.
pub fn bad_csv(message: &str) -> Fault {
    let named = message.split("; ").filter(|error| error.starts_with("line "));
    let errors: Vec<_> = named.map(line_error).collect();
    let details = [("errors".to_owned(), errors.into())].into_iter().collect();
    Fault { details, ..fault(Status::Invalid, "BadCsv", message) }
}

/// `line 7, company: is too long`, as it stands in a list.
fn line_error(text: &str) -> Value {
    let (place, reason) = text.split_once(": ").unwrap();
    let (line, column) = place.split_once(", ").map_or((place, None), |(line, column)| (line, Some(column)));
    let line: u64 = line.strip_prefix("line ").unwrap().parse().unwrap();
    match column {
        Some(column) => json!({"line": line, "column": column, "reason": reason}),
        None => json!({"line": line, "reason": reason}),
    }
}

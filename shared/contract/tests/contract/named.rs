//! Enums whose variants have names.

use configmgt_contract::{callback_tickets::TicketStatus, lines::LineType};
use serde_json::{json, to_value};
use utoipa::PartialSchema;

#[test]
fn a_variant_has_the_same_name_for_clients_databases_messages_and_documents() {
    for line_type in LineType::ALL {
        assert_eq!(to_value(line_type).unwrap(), line_type.name());
        assert_eq!(line_type.to_string().parse(), Ok(line_type));
    }
    let names = ["phone", "webrtc", "ua", "sccp", "custom"];
    assert_eq!(LineType::ALL.map(LineType::name), names);
    assert_eq!(to_value(LineType::schema()).unwrap()["enum"], json!(names));
    let statuses = to_value(TicketStatus::schema()).unwrap();
    assert_eq!(statuses["enum"], json!(["NoAnswer", "Answered", "Email", "Fax", "Callback"]));
}

//! Callback tickets, owned by the `callbacks` service: what agents did about callback requests.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Created, Example, Versioned, blank,
    callback_requests::{CallbackRequest, Contact},
    callbacks::SERVICE,
    csv::{Csv, CsvRow},
    dates::{Day, Moment},
    events::Object,
    named::named,
    numbers, refusals, service,
};

service! {
    /// Callback tickets, owned by the `callbacks` service.
    pub trait CallbackTickets("callbacks", "callback_tickets") refuses TicketRefusal {
        /// Create a callback ticket
        ///
        /// For a request, and for the agent who holds it where none is named.
        write fn create(CreateCallbackTicket) -> Created<CallbackTicket>, refuses RequestNotFound | UnknownPeriod | BadValue;

        /// Get a callback ticket
        ///
        /// Answers the ticket with this uuid.
        read fn get(GetCallbackTicket) -> Versioned<CallbackTicket>, refuses NotFound;

        /// Update a callback ticket
        ///
        /// Says how the call went. With the status `Callback`, `dueDate` and `periodUuid` are needed, and the request is rescheduled
        /// to them; with another status there are none. A comment that is left out is removed.
        write fn update(UpdateCallbackTicket) -> Versioned<CallbackTicket>, refuses NotFound | UnknownPeriod | BadValue;

        /// Get the tickets of a callback list as CSV
        ///
        /// UTF-8, fields separated by `|`, none quoted: a `|` or a line break within a field is a blank here. A field that a
        /// spreadsheet would take for a formula begins with `'`.
        read fn export(ExportCallbackTickets) -> Csv<TicketRow>, refuses ListNotFound;
    }
}

refusals! {
    /// What the callback tickets' rules say no with.
    pub enum TicketRefusal {
        NotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback ticket {uuid} not found";
        RequestNotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback request {uuid} not found";
        ListNotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback list {uuid} not found";
        UnknownPeriod { uuid: Uuid } => Invalid, "BadRequest", "periodUuid: there is no preferred callback period {uuid}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

named! {
    /// How a call went.
    pub enum TicketStatus {
        NoAnswer = "NoAnswer",
        Answered = "Answered",
        Email = "Email",
        Fax = "Fax",
        /// Rescheduled.
        Callback = "Callback",
    }
}

/// What an agent did about a callback request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallbackTicket {
    #[schema(value_type = String, format = "uuid")]
    pub uuid: Uuid,
    #[schema(value_type = String, format = "uuid")]
    pub list_uuid: Uuid,
    #[schema(value_type = String, format = "uuid")]
    pub request_uuid: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i32>,
    /// Left out until the call was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TicketStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// To when the request was rescheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub period_uuid: Option<Uuid>,
    pub started: Moment,
    pub last_update: Moment,
}

impl Object for CallbackTicket {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "callback_ticket";
}

/// How the call went, as a client says it of a ticket that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketUpdate {
    pub status: TicketStatus,
    /// At most 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub comment: Option<String>,
    /// With the status `Callback` only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub due_date: Option<Day>,
    /// With the status `Callback` only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub period_uuid: Option<Uuid>,
}

/// Creates a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCallbackTicket {
    #[schema(value_type = String, format = "uuid")]
    pub request_uuid: Uuid,
    /// Left out: the agent who holds the request.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numbers::optional_whole_id")]
    #[schema(minimum = 1)]
    pub agent_id: Option<i32>,
    /// Left out until the call was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TicketStatus>,
    /// At most 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub comment: Option<String>,
    /// With the status `Callback` only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub due_date: Option<Day>,
    /// With the status `Callback` only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub period_uuid: Option<Uuid>,
}

/// Asks for a ticket.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetCallbackTicket {
    pub uuid: Uuid,
}

/// Says how a call went.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdateCallbackTicket {
    pub uuid: Uuid,
    pub ticket: TicketUpdate,
}

/// Asks for the tickets of a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExportCallbackTickets {
    pub list_uuid: Uuid,
}

/// A ticket with its request, as a line of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    pub ticket: CallbackTicket,
    pub queue_id: i32,
    /// The name of the period to which the request was rescheduled.
    pub period: Option<String>,
    pub contact: Contact,
}

impl CsvRow for TicketRow {
    const COLUMNS: &'static [&'static str] = &[
        "uuid",
        "requestUuid",
        "queueId",
        "agentId",
        "started",
        "lastUpdate",
        "status",
        "comment",
        "dueDate",
        "period",
        "phoneNumber",
        "mobilePhoneNumber",
        "firstName",
        "lastName",
        "company",
        "description",
    ];

    fn fields(self) -> impl Iterator<Item = Option<String>> {
        let Self { ticket, queue_id, period, contact } = self;
        [
            Some(ticket.uuid.to_string()),
            Some(ticket.request_uuid.to_string()),
            Some(queue_id.to_string()),
            ticket.agent_id.map(|agent| agent.to_string()),
            Some(ticket.started.as_str().to_owned()),
            Some(ticket.last_update.as_str().to_owned()),
            ticket.status.map(|status| status.name().to_owned()),
            ticket.comment,
            ticket.due_date.map(|day| day.as_str().to_owned()),
            period,
            contact.phone_number,
            contact.mobile_phone_number,
            contact.first_name,
            contact.last_name,
            contact.company,
            contact.description,
        ]
        .into_iter()
    }
}

impl Example for CallbackTicket {
    fn example() -> Self {
        let request = CallbackRequest::example();
        Self {
            uuid: Uuid::from_u128(0x019a_b5c2_1f3e_7c4a_9d21_5b8e_0f6a_7c12),
            list_uuid: request.list_uuid,
            request_uuid: request.uuid,
            agent_id: Some(1),
            status: Some(TicketStatus::NoAnswer),
            comment: Some("Voice mail".to_owned()),
            due_date: None,
            period_uuid: None,
            started: Moment::example(),
            last_update: Moment::example(),
        }
    }
}

impl Example for TicketUpdate {
    fn example() -> Self {
        Self {
            status: TicketStatus::NoAnswer,
            comment: Some("Voice mail".to_owned()),
            due_date: None,
            period_uuid: None,
        }
    }
}

impl Example for CreateCallbackTicket {
    fn example() -> Self {
        Self {
            request_uuid: CallbackRequest::example().uuid,
            agent_id: Some(1),
            status: None,
            comment: None,
            due_date: None,
            period_uuid: None,
        }
    }
}

impl Example for TicketRow {
    fn example() -> Self {
        Self { ticket: CallbackTicket::example(), queue_id: 2, period: None, contact: Contact::example() }
    }
}

//! Callback requests, owned by the `callbacks` service: the customers to call back, and who does it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Example, Versioned, blank,
    callbacks::SERVICE,
    dates::Day,
    events::Object,
    filter::{self, Find, Page},
    numbers,
    periods::Period,
    refusals, service,
};

service! {
    /// Callback requests, owned by the `callbacks` service.
    pub trait CallbackRequests("callbacks", "callback_requests") refuses RequestRefusal {
        /// Create a callback request
        ///
        /// At least one of `phoneNumber` and `mobilePhoneNumber` is needed. A `dueDate` that is left out is the next day, a `period`
        /// the default one. Other open requests of the list with the same number are named in `duplicates`.
        write fn create(CreateCallbackRequest) -> Versioned<CreatedRequest>,
            refuses ListNotFound | QueueDeleted | UnknownPeriod | BadValue;

        /// Find callback requests
        ///
        /// Answers the requests that pass every filter, of all lists. Filterable and sortable: `uuid`, `listUuid`, `phoneNumber`,
        /// `mobilePhoneNumber`, `firstName`, `lastName`, `company`, `description`, `preferredPeriodUuid`, `dueDate`, `agentId`,
        /// `queueId` and `clotured`.
        read fn find(FindCallbackRequests) -> Page<CallbackRequest>, refuses BadFilter;

        /// Get a callback request
        ///
        /// Answers the request with this uuid.
        read fn get(GetCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound;

        /// Take a callback request
        ///
        /// The agent holds the request from then on, until it is released. Of several agents one gets it. Taking what one holds
        /// changes nothing.
        write fn take(TakeCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound | Taken | Clotured | BadValue;

        /// Release a callback request
        ///
        /// No agent holds it any more.
        write fn release(ReleaseCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound;

        /// Cloture a callback request
        ///
        /// It is done, and no longer among those of its list. It keeps the agent who held it.
        write fn cloture(ClotureCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound;

        /// Uncloture a callback request
        ///
        /// It is open again, and no agent holds it.
        write fn uncloture(UnclotureCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound;

        /// Reschedule a callback request
        ///
        /// Gives it another deadline and another period.
        write fn reschedule(RescheduleCallbackRequest) -> Versioned<CallbackRequest>, refuses NotFound | NoSuchPeriod;
    }
}

refusals! {
    /// What the callback requests' rules say no with.
    pub enum RequestRefusal {
        NotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback request {uuid} not found";
        ListNotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback list {uuid} not found";
        Taken { uuid: Uuid, agent_id: i32 } => Conflict, "Conflict", "Callback request {uuid} is taken by agent {agent_id}";
        Clotured { uuid: Uuid } => Conflict, "Conflict", "Callback request {uuid} is clotured";
        QueueDeleted { list: Uuid, queue_id: i32 } => Conflict, "Conflict", "Callback list {list} takes no requests any more: queue {queue_id} was deleted";
        UnknownPeriod { name: String } => Invalid, "BadRequest", "period: there is no preferred callback period {name}";
        NoSuchPeriod { uuid: Uuid } => Invalid, "BadRequest", "periodUuid: there is no preferred callback period {uuid}";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        BadFilter { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A customer to call back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallbackRequest {
    #[schema(value_type = String, format = "uuid")]
    pub uuid: Uuid,
    #[schema(value_type = String, format = "uuid")]
    pub list_uuid: Uuid,
    #[serde(flatten)]
    pub contact: Contact,
    #[schema(value_type = String, format = "uuid")]
    pub preferred_period_uuid: Uuid,
    /// The deadline.
    pub due_date: Day,
    /// The queue of its list.
    pub queue_id: i32,
    /// The agent who holds it, or held it when it was clotured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i32>,
    /// Whether it is done.
    pub clotured: bool,
    pub preferred_period: Period,
}

/// Who is to be called back, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// The number to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// A note for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A request as it was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedRequest {
    #[serde(flatten)]
    pub request: CallbackRequest,
    /// Other open requests of the list with the same number, the oldest first, ten at most. Left out where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub duplicates: Vec<Uuid>,
}

/// A request as events and history show it: with its period by uuid only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestState {
    #[schema(value_type = String, format = "uuid")]
    pub uuid: Uuid,
    #[schema(value_type = String, format = "uuid")]
    pub list_uuid: Uuid,
    #[serde(flatten)]
    pub contact: Contact,
    #[schema(value_type = String, format = "uuid")]
    pub preferred_period_uuid: Uuid,
    pub due_date: Day,
    pub queue_id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<i32>,
    pub clotured: bool,
}

impl Object for RequestState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "callback_request";
}

/// What a client says of a new request. At least one of the numbers is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestFields {
    /// The number to call: 1 to 40 of the digits, `*` and `#`, maybe behind a `+`, maybe with blanks, dots, dashes, slashes and
    /// brackets between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_phone_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 128)]
    pub company: Option<String>,
    /// A note for the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub description: Option<String>,
    /// The deadline. Left out: the next day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    pub due_date: Option<Day>,
    /// The name of a period. Left out: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
}

/// When a request is to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The deadline.
    pub due_date: Day,
    #[schema(value_type = String, format = "uuid")]
    pub period_uuid: Uuid,
}

/// Who takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taker {
    #[serde(deserialize_with = "numbers::whole_id")]
    #[schema(minimum = 1)]
    pub agent_id: i32,
}

/// Adds a request to a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateCallbackRequest {
    pub list_uuid: Uuid,
    pub request: RequestFields,
}

/// Asks for the requests that pass the filters.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct FindCallbackRequests(pub Find);

/// Asks for a request.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetCallbackRequest {
    pub uuid: Uuid,
}

/// Takes a request for an agent.
#[derive(Debug, Serialize, Deserialize)]
pub struct TakeCallbackRequest {
    pub uuid: Uuid,
    pub taker: Taker,
}

/// Gives a request back.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReleaseCallbackRequest {
    pub uuid: Uuid,
}

/// Says that a request is done.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClotureCallbackRequest {
    pub uuid: Uuid,
}

/// Says that a request is not done.
#[derive(Debug, Serialize, Deserialize)]
pub struct UnclotureCallbackRequest {
    pub uuid: Uuid,
}

/// Puts a request off.
#[derive(Debug, Serialize, Deserialize)]
pub struct RescheduleCallbackRequest {
    pub uuid: Uuid,
    pub schedule: Schedule,
}

impl Example for Contact {
    fn example() -> Self {
        let text = |text: &str| Some(text.to_owned());
        Self {
            phone_number: text("0230210092"),
            mobile_phone_number: text("0689746321"),
            first_name: text("John"),
            last_name: text("Doe"),
            company: text("MyCompany"),
            description: text("Call back quickly"),
        }
    }
}

impl Example for CallbackRequest {
    fn example() -> Self {
        let RequestState { uuid, list_uuid, contact, preferred_period_uuid, due_date, queue_id, agent_id, clotured } =
            RequestState::example();
        Self {
            uuid,
            list_uuid,
            contact,
            preferred_period_uuid,
            due_date,
            queue_id,
            agent_id,
            clotured,
            preferred_period: Period::example(),
        }
    }
}

impl Example for CreatedRequest {
    fn example() -> Self {
        Self { request: CallbackRequest::example(), duplicates: Vec::new() }
    }
}

impl Example for RequestState {
    fn example() -> Self {
        Self {
            uuid: Uuid::from_u128(0xedb7_34e7_9d8f_403d_8cf6_d42e_cf9e_48d7),
            list_uuid: Uuid::from_u128(0xfea9_63f5_1920_468c_b52a_93dc_8879_1ba8),
            contact: Contact::example(),
            preferred_period_uuid: Period::example().uuid,
            due_date: Day::example(),
            queue_id: 2,
            agent_id: None,
            clotured: false,
        }
    }
}

impl Example for RequestFields {
    fn example() -> Self {
        let text = |text: &str| Some(text.to_owned());
        Self {
            company: text("Cie"),
            phone_number: text("0298765432"),
            mobile_phone_number: text("0654321234"),
            first_name: text("Jack"),
            ..Self::default()
        }
    }
}

impl Example for Schedule {
    fn example() -> Self {
        Self { due_date: Day::example(), period_uuid: Period::example().uuid }
    }
}

impl Example for Taker {
    fn example() -> Self {
        Self { agent_id: 1 }
    }
}

impl Example for FindCallbackRequests {
    fn example() -> Self {
        Self(filter::find_example("phoneNumber", "1000"))
    }
}

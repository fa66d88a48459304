//! The times of the day at which customers want to be called back. Owned by the `callbacks` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Created, Example, Listing, Versioned, callbacks::SERVICE, dates::TimeOfDay, events::Object, merge, refusals,
    service,
};

service! {
    /// Preferred callback periods, owned by the `callbacks` service.
    pub trait Periods("callbacks", "preferred_callback_periods") refuses PeriodRefusal {
        /// Get all preferred callback periods
        ///
        /// Answers every period, ordered by its creation. One of them is the default.
        read fn list(ListPeriods) -> Listing<Period>;

        /// Get a preferred callback period
        ///
        /// Answers the period with this uuid.
        read fn get(GetPeriod) -> Versioned<Period>, refuses NotFound;

        /// Create a preferred callback period
        ///
        /// The name must not be taken. With `default` it becomes the default instead of the one that was.
        write fn create(CreatePeriod) -> Created<Period>, refuses Duplicate | BadValue;

        /// Update a preferred callback period
        ///
        /// Replaces the period. With `default` it becomes the default instead of the one that was; the default itself stays that
        /// until another one is.
        write fn update(UpdatePeriod) -> Versioned<Period>, refuses NotFound | Duplicate | IsDefault | BadValue;

        /// Delete a preferred callback period
        ///
        /// It is refused for the default, and as long as a callback request has it.
        write fn delete(DeletePeriod) -> (), refuses NotFound | IsDefault | InUse;
    }
}

refusals! {
    /// What the periods' rules say no with.
    pub enum PeriodRefusal {
        NotFound { uuid: Uuid } => NotFound, "NotFoundError", "Preferred callback period {uuid} not found";
        Duplicate { constraint: String } => Conflict, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        IsDefault { uuid: Uuid } => Conflict, "Conflict", "Preferred callback period {uuid} is the default: make another one the default first";
        InUse { uuid: Uuid } => Conflict, "Conflict", "Preferred callback period {uuid} is in use by callback requests";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A time of the day at which customers want to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    #[schema(value_type = String, format = "uuid")]
    pub uuid: Uuid,
    /// Unique.
    pub name: String,
    pub period_start: TimeOfDay,
    pub period_end: TimeOfDay,
    /// Whether a callback request that names no period gets this one.
    pub default: bool,
}

impl Object for Period {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "preferred_callback_period";
}

/// What a client says of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodFields {
    /// 1 to 128 characters; unique.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    pub period_start: TimeOfDay,
    /// After `periodStart`.
    pub period_end: TimeOfDay,
    /// Whether a callback request that names no period gets this one. Left out: no.
    #[serde(default, deserialize_with = "merge::null_is_left_out")]
    pub default: bool,
}

/// Asks for all periods.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPeriods {}

/// Asks for a period.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetPeriod {
    pub uuid: Uuid,
}

/// Creates a period.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CreatePeriod(pub PeriodFields);

/// Replaces a period.
#[derive(Debug, Serialize, Deserialize)]
pub struct UpdatePeriod {
    pub uuid: Uuid,
    pub period: PeriodFields,
}

/// Deletes a period.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeletePeriod {
    pub uuid: Uuid,
}

impl Example for Period {
    fn example() -> Self {
        let PeriodFields { name, period_start, period_end, default } = PeriodFields::example();
        let uuid = Uuid::from_u128(0x31f9_1ef6_ebda_4e0d_a9fa_5ebd_3da3_0951);
        Self { uuid, name, period_start, period_end, default }
    }
}

impl Example for PeriodFields {
    fn example() -> Self {
        Self {
            name: "Toute la journée".to_owned(),
            period_start: TimeOfDay::of(9, 0),
            period_end: TimeOfDay::of(17, 0),
            default: true,
        }
    }
}

impl Example for CreatePeriod {
    fn example() -> Self {
        let fields = PeriodFields::example();
        Self(PeriodFields {
            name: "Afternoon".to_owned(),
            period_start: TimeOfDay::of(14, 0),
            default: false,
            ..fields
        })
    }
}

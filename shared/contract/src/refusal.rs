use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Body;

/// Any error with its chain of causes.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An error with all its causes, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    chain
}

/// How a request can end other than well. Each variant is one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Invalid,
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UriTooLong,
    Unprocessable,
    TooManyRequests,
    HeadersTooLarge,
    Broken,
    Unavailable,
    TimedOut,
}

impl Status {
    /// All of them, so that a code from the wire can be looked up.
    pub const ALL: [Self; 15] = [
        Self::Invalid,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UriTooLong,
        Self::Unprocessable,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::Broken,
        Self::Unavailable,
        Self::TimedOut,
    ];

    /// The HTTP status code.
    pub const fn http(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UriTooLong => 414,
            Self::Unprocessable => 422,
            Self::TooManyRequests => 429,
            Self::HeadersTooLarge => 431,
            Self::Broken => 500,
            Self::Unavailable => 503,
            Self::TimedOut => 504,
        }
    }

    /// The status with this HTTP code, if it is one of ours.
    pub fn from_http(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.http() == code)
    }

    /// The `error` of an envelope where nothing more specific is declared.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::RequestTimeout => "RequestTimeout",
            Self::Conflict => "Conflict",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::TooLarge => "PayloadTooLarge",
            Self::UriTooLong => "UriTooLong",
            Self::Unprocessable => "UnprocessableEntity",
            Self::TooManyRequests => "TooManyRequests",
            Self::HeadersTooLarge => "HeadersTooLarge",
            Self::Broken => "InternalServerError",
            Self::Unavailable => "ServiceUnavailable",
            Self::TimedOut => "GatewayTimeout",
        }
    }
}

/// An error as the client sees it: a status and the envelope `{"error": code, "message": message}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub status: Status,
    pub code: String,
    pub message: String,
    /// None, for most.
    pub details: Details,
}

/// What stands in the envelope beside code and message: what the message says, for programs.
pub type Details = Map<String, Value>;

/// The envelope's wire form; [`Fault`] adds the status, which travels beside it.
#[derive(Serialize, Deserialize)]
struct Envelope<C, D> {
    error: C,
    message: C,
    #[serde(flatten)]
    details: D,
}

impl Fault {
    /// A fault with its status's own code.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self::coded(status, status.code(), message)
    }

    /// A fault with a code of its own.
    pub fn coded(status: Status, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Details::new() }
    }

    /// The envelope's bytes.
    pub fn envelope(&self) -> Vec<u8> {
        let Self { code, message, details, .. } = self;
        let envelope = Envelope { error: code.as_str(), message: message.as_str(), details };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// Reads back what [`Fault::envelope`] wrote.
    pub fn from_envelope(status: Status, envelope: &[u8]) -> Result<Self, serde_json::Error> {
        let Envelope { error, message, details } = serde_json::from_slice::<Envelope<String, Details>>(envelope)?;
        Ok(Self { status, code: error, message, details })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.http(), self.code, self.message)
    }
}

impl Error for Fault {}

/// What a service's rules say no with; declared with [`refusals!`](crate::refusals).
pub trait Refusal: fmt::Display + Send + Sync + 'static {
    /// Every refusal of this type, for the documents.
    const TABLE: &'static [RefusalDoc];

    fn status(&self) -> Status;
    fn code(&self) -> &'static str;

    /// What the envelope holds beside code and message.
    fn details(&self) -> Details {
        Details::new()
    }

    fn fault(&self) -> Fault {
        Fault { details: self.details(), ..Fault::coded(self.status(), self.code(), self.to_string()) }
    }
}

/// A refusal as the documents show it.
#[derive(Debug, Clone, Copy)]
pub struct RefusalDoc {
    pub variant: &'static str,
    pub status: Status,
    pub code: &'static str,
    /// The message's pattern, with the names of what it quotes in braces.
    pub message: &'static str,
    /// What the envelope holds beside code and message.
    pub details: &'static [DetailDoc],
}

/// A detail of a refusal as the documents show it.
#[derive(Debug, Clone, Copy)]
pub struct DetailDoc {
    pub name: &'static str,
    pub body: fn() -> Body,
}

/// The value of a detail. What the contract declares can be written as JSON.
#[doc(hidden)]
pub fn detail<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[doc(hidden)]
pub fn details<const N: usize>(details: [(&str, Value); N]) -> Details {
    details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The refusal of a service whose rules never say no.
#[derive(Debug)]
pub enum NoRefusal {}

impl fmt::Display for NoRefusal {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Refusal for NoRefusal {
    const TABLE: &'static [RefusalDoc] = &[];

    fn status(&self) -> Status {
        match *self {}
    }

    fn code(&self) -> &'static str {
        match *self {}
    }
}

/// Why a handler did not answer: its rules refused, or something broke.
#[derive(Debug)]
pub enum Failure<R> {
    /// The rules said no, with the declared status, code and message.
    Refused(R),
    /// Anything else. It is logged once, where it happened, and answered without detail.
    Broken(BoxError),
}

impl<R, E: Error + Send + Sync + 'static> From<E> for Failure<R> {
    fn from(error: E) -> Self {
        Self::Broken(Box::new(error))
    }
}

/// A [`Failure`] after its refusal became a [`Fault`].
#[derive(Debug)]
pub enum Broken {
    Refused(Fault),
    Error(BoxError),
}

impl<R: Refusal> From<Failure<R>> for Broken {
    fn from(failure: Failure<R>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal.fault()),
            Failure::Broken(error) => Self::Error(error),
        }
    }
}

/// Declares what a service refuses: a variant, its status, its code and its message, one line each.
///
/// `with keys: Vec<u32>`, behind the message, says which fields stand in the envelope under their own names, too.
///
/// ```
/// configmgt_contract::refusals! {
///     /// Why a door stays shut.
///     pub enum DoorRefusal {
///         Locked { door: String } => Conflict, "DoorLocked", "Door {door} is locked";
///         Guarded { by: Dog } => Conflict, "DoorGuarded", "Beware of the {by}", with by: Dog;
///     }
/// }
/// # #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
/// # pub struct Dog { name: &'static str }
/// # impl configmgt_contract::Example for Dog { fn example() -> Self { Dog { name: "Rex" } } }
/// # impl std::fmt::Display for Dog {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("dog") }
/// # }
/// use configmgt_contract::{Refusal, Status};
/// let refusal = DoorRefusal::Locked { door: "front".into() };
/// assert_eq!((refusal.status(), refusal.code()), (Status::Conflict, "DoorLocked"));
/// assert_eq!(refusal.to_string(), "Door front is locked");
/// let envelope = DoorRefusal::Guarded { by: Dog { name: "Rex" } }.fault().envelope();
/// assert_eq!(envelope, br#"{"error":"DoorGuarded","message":"Beware of the dog","by":{"name":"Rex"}}"#);
/// ```
#[macro_export]
macro_rules! refusals {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $(
                $(#[$variant_meta:meta])* $variant:ident { $($field:ident : $type:ty),* $(,)? }
                    => $status:ident, $code:literal, $message:literal $(, with $($detail:ident : $detail_type:ty),+)?;
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant { $($field: $type),* }, )+
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $( Self::$variant { $($field),* } => ::std::write!(f, $message), )+
                }
            }
        }

        impl $crate::Refusal for $name {
            const TABLE: &'static [$crate::RefusalDoc] = &[
                $( $crate::RefusalDoc {
                    variant: ::std::stringify!($variant),
                    status: $crate::Status::$status,
                    code: $code,
                    message: $message,
                    details: &[$($( $crate::DetailDoc {
                        name: ::std::stringify!($detail),
                        body: $crate::Body::of::<$detail_type>,
                    } ),+)?],
                }, )+
            ];

            fn status(&self) -> $crate::Status {
                match self { $( Self::$variant { .. } => $crate::Status::$status, )+ }
            }

            fn code(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $code, )+ }
            }

            fn details(&self) -> $crate::Details {
                match self {
                    $( Self::$variant { $($($detail,)+)? .. } => $crate::macros::details([
                        $($( (::std::stringify!($detail), $crate::macros::detail::<$detail_type>($detail)) ),+)?
                    ]), )+
                }
            }
        }

        impl ::std::convert::From<$name> for $crate::Failure<$name> {
            fn from(refusal: $name) -> Self {
                Self::Refused(refusal)
            }
        }
    };
}

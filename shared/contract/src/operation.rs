use std::{future::Future, pin::Pin, sync::Arc, time::Instant};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Answer, Broken, Failure, Fault, Refusal, RefusalDoc, Reply, Status};

/// One thing a service can be asked. The type that implements it is the request.
///
/// Never implemented by hand: a [`service!`](crate::service) block does it.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    type Reply: Reply;
    type Refusal: Refusal;

    const DOC: OperationDoc;
}

/// What is known of an operation without a request at hand.
#[derive(Debug, Clone, Copy)]
pub struct OperationDoc {
    /// The service that owns it.
    pub service: &'static str,
    /// Its name within the service: `<resource>-<verb>`.
    pub name: &'static str,
    /// The NATS subject it is asked on.
    pub subject: &'static str,
    /// Asking twice does no more than asking once, so the edge may ask again when no answer comes.
    pub safe: bool,
    /// The doc comment's lines: the first is the summary.
    pub text: &'static [&'static str],
    /// The variants of its refusal type that it can answer.
    pub refusals: &'static [&'static str],
}

impl OperationDoc {
    /// The declared refusals of `O`, in the order of its declaration.
    pub fn refusals_of<O: Operation>() -> impl Iterator<Item = &'static RefusalDoc> {
        let declared = O::DOC.refusals;
        O::Refusal::TABLE.iter().filter(move |refusal| declared.contains(&refusal.variant))
    }
}

/// What a handler of `O` returns.
pub type Outcome<O> = Result<<O as Operation>::Reply, Failure<<O as Operation>::Refusal>>;

/// What is known about a request beside its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Given by the edge; stands in every log line of the request and in the answer's `X-Request-Id`.
    pub request_id: String,
    /// Who asks: the name of the token.
    pub actor: String,
    /// The client's key for a write that may be repeated.
    pub idempotency_key: Option<String>,
    /// W3C trace context of whoever called.
    pub traceparent: Option<String>,
    /// After this moment nobody waits for the answer any more.
    pub deadline: Instant,
}

/// A handler's future once request and reply are bytes.
pub type Handled = Pin<Box<dyn Future<Output = Result<Answer, Broken>> + Send>>;

/// Reads the request that the edge wrote. Only a version of the edge that knows another form of it can make this fail.
#[doc(hidden)]
pub fn read<O: Operation>(body: &[u8]) -> Result<O, Broken> {
    serde_json::from_slice(body)
        .map_err(|error| Broken::Refused(Fault::new(Status::Invalid, format!("unreadable request: {error}"))))
}

/// An operation of the service `S`, ready to be called with bytes. A transport needs nothing else to serve it.
pub struct Endpoint<S: ?Sized> {
    pub doc: OperationDoc,
    pub run: fn(Arc<S>, Call, Bytes) -> Handled,
}

/// Declares the operations of one resource of a service.
///
/// ```
/// # use configmgt_contract::{service, NoRefusal, Example, Call, Outcome};
/// # use serde::{Serialize, Deserialize};
/// #[derive(Serialize, Deserialize)]
/// pub struct GetTime {}
/// #[derive(Serialize, Deserialize, utoipa::ToSchema)]
/// pub struct Time { now: u32 }
/// impl Example for Time { fn example() -> Self { Time { now: 7 } } }
///
/// service! {
///     /// What the clock knows.
///     pub trait Clock("time", "clock") refuses NoRefusal {
///         /// The time now.
///         read fn get(GetTime) -> Time;
///     }
/// }
///
/// struct Wall;
/// impl Clock for Wall {
///     async fn get(&self, _: &Call, _: GetTime) -> Outcome<GetTime> {
///         Ok(Time { now: 7 })
///     }
/// }
/// assert_eq!(<Wall as Clock>::endpoints()[0].doc.subject, "configmgt.request.time.clock.get");
/// ```
///
/// `read` operations may be asked again by the edge when no answer comes; `write` operations only when it is certain that
/// nobody has begun them.
#[macro_export]
macro_rules! service {
    (
        $(#[doc = $trait_doc:literal])*
        $vis:vis trait $service:ident($name:literal, $resource:literal) refuses $refusal:ty {
            $(
                $(#[doc = $doc:literal])*
                $kind:ident fn $operation:ident($request:ty) -> $reply:ty $(, refuses $($variant:ident)|+)?;
            )*
        }
    ) => {
        $(#[doc = $trait_doc])*
        $vis trait $service: Send + Sync + 'static {
            $(
                $(#[doc = $doc])*
                fn $operation(
                    &self,
                    call: &$crate::Call,
                    request: $request,
                ) -> impl $crate::macros::Future<Output = $crate::Outcome<$request>> + Send;
            )*

            /// Each operation with its handler on `Self`, for a transport to serve.
            fn endpoints() -> $crate::macros::Vec<$crate::Endpoint<Self>>
            where
                Self: Sized,
            {
                ::std::vec![
                    $(
                        $crate::Endpoint {
                            doc: <$request as $crate::Operation>::DOC,
                            run: |service: $crate::macros::Arc<Self>, call, body| {
                                ::std::boxed::Box::pin(async move {
                                    let request: $request = $crate::macros::read(&body)?;
                                    let outcome: $crate::Outcome<$request> = service.$operation(&call, request).await;
                                    let reply = outcome.map_err($crate::Broken::from)?;
                                    $crate::Reply::answer(reply).map_err($crate::Broken::Error)
                                })
                            },
                        },
                    )*
                ]
            }
        }

        $(
            impl $crate::Operation for $request {
                type Reply = $reply;
                type Refusal = $refusal;

                const DOC: $crate::OperationDoc = $crate::OperationDoc {
                    service: $name,
                    name: ::std::concat!($resource, "-", ::std::stringify!($operation)),
                    subject: ::std::concat!("configmgt.request.", $name, ".", $resource, ".", ::std::stringify!($operation)),
                    safe: $crate::service!(@safe $kind),
                    text: &[$($doc),*],
                    refusals: &[$($(::std::stringify!($variant)),+)?],
                };
            }

            // A refusal that the line names must exist.
            $(
                const _: fn(&$refusal) -> bool = |refusal| {
                    type Refusals = $refusal;
                    ::std::matches!(refusal, $(Refusals::$variant { .. })|+)
                };
            )?
        )*

        const _: ::std::option::Option<$refusal> = ::std::option::Option::None;
    };
    (@safe read) => { true };
    (@safe write) => { false };
}

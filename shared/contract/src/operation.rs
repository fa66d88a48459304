use std::{fmt, future::Future, pin::Pin, str::FromStr, sync::Arc, time::Instant};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Answer, Broken, Failure, Fault, Refusal, RefusalDoc, Reply, Status, Upload};

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
    /// Its place below the service's subjects: `<resource>.<verb>`.
    pub path: &'static str,
    pub kind: Kind,
    /// The doc comment's lines: the first is the summary.
    pub text: &'static [&'static str],
    /// The variants of its refusal type that it can answer.
    pub refusals: &'static [&'static str],
    /// The names of the request's members, at any depth, that hold secrets: nothing that is kept may follow from those.
    pub secrets: &'static [&'static str],
}

/// What carrying an operation out does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: asking twice does no more than asking once.
    Read,
    /// It changes objects, and its key makes it one write however often it is asked for.
    Write,
    /// It changes no object, but each time counts, as a try of a password does.
    Attempt,
    /// A write that may take longer than others, and so is asked for once.
    Lengthy,
    /// A write whose content comes in pieces while it is carried out.
    Import,
}

impl OperationDoc {
    /// The NATS subject it is asked on.
    pub fn subject(&self) -> String {
        format!("configmgt.request.{}.{}", self.service, self.path)
    }

    /// The same operation as `service` has it, where every service has one.
    #[must_use]
    pub const fn of(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

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
    /// Names a write, so that it can be asked for twice and is carried out once.
    pub idempotency_key: Option<IdempotencyKey>,
    /// What the object that the write names must be before it.
    pub expected: Option<Expected>,
    /// W3C trace context of whoever called.
    pub traceparent: Option<String>,
    /// After this moment nobody waits for the answer any more.
    pub deadline: Instant,
}

/// A write's name. Two writes with the same one, of the same actor, are the same write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyKey {
    /// The client's own, good for as long as the documents promise.
    Client(String),
    /// The edge's, for its own repetitions of one request.
    Edge(String),
}

/// What the object that a write names must be for the write to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// It must exist.
    Existing,
    /// It must have one of these versions.
    OneOf(Vec<i64>),
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(key) => write!(f, "client/{key}"),
            Self::Edge(key) => write!(f, "edge/{key}"),
        }
    }
}

impl FromStr for IdempotencyKey {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        match text.split_once('/') {
            Some(("client", key)) => Ok(Self::Client(key.to_owned())),
            Some(("edge", key)) => Ok(Self::Edge(key.to_owned())),
            _ => Err(Unreadable),
        }
    }
}

/// `*`, or the versions with commas between; 0, which no object has, where there is none.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Existing => f.write_str("*"),
            Self::OneOf(versions) if versions.is_empty() => f.write_str("0"),
            Self::OneOf(versions) => {
                let versions: Vec<_> = versions.iter().map(i64::to_string).collect();
                f.write_str(&versions.join(","))
            }
        }
    }
}

impl FromStr for Expected {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        if text == "*" {
            return Ok(Self::Existing);
        }
        let versions = text.split(',').map(str::parse);
        versions.collect::<Result<_, _>>().map(Self::OneOf).map_err(|_| Unreadable)
    }
}

/// A text that is not of the form that its kind is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// A handler's future once request and reply are bytes.
pub type Handled = Pin<Box<dyn Future<Output = Result<Answer, Broken>> + Send>>;

/// Reads the request that the edge wrote. Only a version of the edge that knows another form of it can make this fail.
#[doc(hidden)]
pub fn read<O: Operation>(body: &[u8]) -> Result<O, Broken> {
    serde_json::from_slice(body)
        .map_err(|error| Broken::Refused(Fault::new(Status::Invalid, format!("unreadable request: {error}"))))
}

/// How the writes of a resource are carried out: each inside a change, which happens as a whole or not at all.
pub trait Changes: Send + Sync + 'static {
    /// What a write has in hand while it is carried out.
    type Change: Send + 'static;

    /// Carries `work` out, and answers what it answers. A write that was carried out before, under the same key, is only
    /// answered again.
    fn carry_out(
        &self,
        call: Call,
        operation: OperationDoc,
        body: Bytes,
        content: Upload,
        work: Work<Self::Change>,
    ) -> Working<'_>;
}

/// A write's handler with its request. It need not read its content to the end, unless it carries the write out.
pub type Work<C> = Box<dyn for<'c> FnOnce(&'c mut C, &'c mut Upload) -> Working<'c> + Send>;

/// A [`Work`] under way.
pub type Working<'c> = Pin<Box<dyn Future<Output = Result<Answer, Broken>> + Send + 'c>>;

/// Writes with nothing but their call in hand, of something that keeps no journal.
#[derive(Debug, Clone, Copy)]
pub struct Unjournaled;

impl Changes for Unjournaled {
    type Change = Call;

    fn carry_out(
        &self,
        mut call: Call,
        _: OperationDoc,
        _: Bytes,
        mut content: Upload,
        work: Work<Call>,
    ) -> Working<'_> {
        Box::pin(async move { work(&mut call, &mut content).await })
    }
}

/// A resource that owns what it answers for.
pub trait Owner: Send + Sync + 'static {
    type Changes: Changes;

    fn changes(&self) -> &Self::Changes;
}

/// What a write of `S` has in hand.
pub type ChangeOf<S> = <<S as Owner>::Changes as Changes>::Change;

/// The bytes of what a handler of `O` returned.
#[doc(hidden)]
pub fn answer<O: Operation>(outcome: Outcome<O>) -> Result<Answer, Broken> {
    outcome.map_err(Broken::from)?.answer().map_err(Broken::Error)
}

/// An operation of the service `S`, ready to be called with bytes. A transport needs nothing else to serve it.
pub struct Endpoint<S: ?Sized> {
    pub doc: OperationDoc,
    /// What is no import finds no content.
    pub run: fn(Arc<S>, Call, Bytes, Upload) -> Handled,
}

/// Declares the operations of one resource of a service.
///
/// ```
/// # use configmgt_contract::{service, NoRefusal, Example, Call, Outcome, Owner, Unjournaled};
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
/// impl Owner for Wall {
///     type Changes = Unjournaled;
///
///     fn changes(&self) -> &Unjournaled {
///         &Unjournaled
///     }
/// }
/// impl Clock for Wall {
///     async fn get(&self, _: &Call, _: GetTime) -> Outcome<GetTime> {
///         Ok(Time { now: 7 })
///     }
/// }
/// assert_eq!(<Wall as Clock>::endpoints()[0].doc.subject(), "configmgt.request.time.clock.get");
/// ```
///
/// A `read` has the call in hand and changes nothing. A `write` has a change in hand: the open transaction, through which alone
/// it can write. An `attempt` has the call in hand and changes no object, but is not asked for again where no answer comes: each
/// time counts. A `lengthy` operation is a write that may take longer than others, and is not asked for again either. An `import` is
/// a write that has its content in hand, too, an [`Upload`].
///
/// `hides password`, behind the refusals, says which members of the request hold secrets.
#[macro_export]
macro_rules! service {
    (
        $(#[doc = $trait_doc:literal])*
        $vis:vis trait $service:ident($name:literal, $resource:literal) refuses $refusal:ty {
            $(
                $(#[doc = $doc:expr])*
                $kind:ident fn $operation:ident($request:ty) -> $reply:ty
                    $(, refuses $($variant:ident)|+)? $(, hides $($secret:ident)|+)?;
            )*
        }
    ) => {
        $(#[doc = $trait_doc])*
        $vis trait $service: $crate::Owner {
            $(
                $crate::service!(@method $kind $(#[doc = $doc])* $operation($request));
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
                            run: |service: $crate::macros::Arc<Self>, call, body, content| {
                                $crate::service!(@run $kind service, call, body, content, $operation($request))
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
                    path: ::std::concat!($resource, ".", ::std::stringify!($operation)),
                    kind: $crate::service!(@kind $kind),
                    text: &[$($doc),*],
                    refusals: &[$($(::std::stringify!($variant)),+)?],
                    secrets: &[$($(::std::stringify!($secret)),+)?],
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
    (@kind read) => { $crate::Kind::Read };
    (@kind write) => { $crate::Kind::Write };
    (@kind attempt) => { $crate::Kind::Attempt };
    (@kind lengthy) => { $crate::Kind::Lengthy };
    (@kind import) => { $crate::Kind::Import };
    (@method read $(#[doc = $doc:expr])* $operation:ident($request:ty)) => {
        $(#[doc = $doc])*
        fn $operation(
            &self,
            call: &$crate::Call,
            request: $request,
        ) -> impl $crate::macros::Future<Output = $crate::Outcome<$request>> + Send;
    };
    (@method attempt $($method:tt)*) => { $crate::service!(@method read $($method)*); };
    (@method write $(#[doc = $doc:expr])* $operation:ident($request:ty)) => {
        $(#[doc = $doc])*
        fn $operation(
            &self,
            change: &mut $crate::ChangeOf<Self>,
            request: $request,
        ) -> impl $crate::macros::Future<Output = $crate::Outcome<$request>> + Send;
    };
    (@method lengthy $($method:tt)*) => { $crate::service!(@method write $($method)*); };
    (@method import $(#[doc = $doc:expr])* $operation:ident($request:ty)) => {
        $(#[doc = $doc])*
        fn $operation(
            &self,
            change: &mut $crate::ChangeOf<Self>,
            request: $request,
            content: &mut $crate::Upload,
        ) -> impl $crate::macros::Future<Output = $crate::Outcome<$request>> + Send;
    };
    (@run read $service:ident, $call:ident, $body:ident, $content:ident, $operation:ident($request:ty)) => {
        ::std::boxed::Box::pin(async move {
            ::std::mem::drop($content);
            let request: $request = $crate::macros::read(&$body)?;
            let outcome: $crate::Outcome<$request> = $service.$operation(&$call, request).await;
            $crate::macros::answer::<$request>(outcome)
        })
    };
    (@run attempt $($run:tt)*) => { $crate::service!(@run read $($run)*) };
    (@run write $service:ident, $call:ident, $body:ident, $content:ident, $operation:ident($request:ty)) => {
        $crate::service!(@change $service, $call, $body, $content, $request, |owner, change, request, _| {
            owner.$operation(change, request)
        })
    };
    (@run lengthy $($run:tt)*) => { $crate::service!(@run write $($run)*) };
    (@run import $service:ident, $call:ident, $body:ident, $content:ident, $operation:ident($request:ty)) => {
        $crate::service!(@change $service, $call, $body, $content, $request, |owner, change, request, upload| {
            owner.$operation(change, request, upload)
        })
    };
    (
        @change $service:ident, $call:ident, $body:ident, $content:ident, $request:ty,
        |$owner:ident, $change:ident, $asked:ident, $upload:pat_param| $handled:expr
    ) => {
        ::std::boxed::Box::pin(async move {
            let $asked: $request = $crate::macros::read(&$body)?;
            let $owner = $crate::macros::Arc::clone(&$service);
            let work: $crate::Work<$crate::ChangeOf<Self>> = ::std::boxed::Box::new(move |$change, $upload| {
                ::std::boxed::Box::pin(async move {
                    let outcome: $crate::Outcome<$request> = $handled.await;
                    $crate::macros::answer::<$request>(outcome)
                })
            });
            let doc = <$request as $crate::Operation>::DOC;
            let changes = $crate::Owner::changes(&*$service);
            $crate::Changes::carry_out(changes, $call, doc, $body, $content, work).await
        })
    };
}

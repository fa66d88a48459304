use bytes::Bytes;
use futures_util::{TryStreamExt, stream::BoxStream};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{BoxError, Fault};

/// The largest piece in which a reply travels. It leaves room below NATS's payload limit of 1 MiB and bounds what either side
/// holds of a long list.
pub const PIECE_BYTES: usize = 256 * 1024;

/// A reply's bytes while they are still being made.
pub type Pieces = BoxStream<'static, Result<Bytes, BoxError>>;

/// The content of an import while it is still coming, in pieces of any size up to [`PIECE_BYTES`]. After an error nothing comes.
pub type Upload = BoxStream<'static, Result<Bytes, Fault>>;

/// A handler's reply as the transport sends it.
pub enum Answer {
    Whole(Whole),
    /// Pieces of at most [`PIECE_BYTES`] each.
    Pieces(Pieces),
}

/// A reply in one piece, with what travels beside its body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    pub body: Bytes,
    /// The version of the object that the body shows, where it shows one.
    pub version: Option<i64>,
    /// The id of the object that was created, where one was that has a place of its own.
    pub created: Option<String>,
}

impl Answer {
    /// A body that shows no single object.
    pub fn of(body: impl Into<Bytes>) -> Self {
        Self::Whole(Whole { body: body.into(), ..Whole::default() })
    }

    /// Reads what it says, once all of it has come.
    pub async fn read<T: DeserializeOwned>(self) -> Result<T, BoxError> {
        let body = match self {
            Self::Whole(Whole { body, .. }) => body,
            Self::Pieces(pieces) => {
                let gather = |mut body: Vec<u8>, piece: Bytes| async move {
                    body.extend_from_slice(&piece);
                    Ok(body)
                };
                pieces.try_fold(Vec::new(), gather).await?.into()
            }
        };
        Ok(serde_json::from_slice(&body)?)
    }
}

/// What an operation answers when it goes well. The type decides the HTTP status, so no route can pair a status with a body that does not belong to it.
pub trait Reply: Sized + Send + 'static {
    const SUCCESS: Success;

    /// Whether the answer carries the version of the object it shows.
    const VERSIONED: bool = false;

    /// What the body is, in HTTP's terms.
    const CONTENT_TYPE: &'static str = "application/json";

    /// The bytes the service writes and the edge passes on.
    fn answer(self) -> Result<Answer, BoxError>;

    /// The schema's name and definition and an example, for the documents. `None` where there is no body.
    fn schema() -> Option<Body>;
}

/// How a request ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    Ok,
    Created,
    NoContent,
}

impl Success {
    pub const fn http(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Created => 201,
            Self::NoContent => 204,
        }
    }
}

/// A value that shows what a type looks like. It is typed, so an example in the documents cannot be of a form that the server does not know.
pub trait Example {
    fn example() -> Self;
}

/// A body as the documents describe it.
pub struct Body {
    pub schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>,
    /// The schemas it refers to, by name.
    pub components: Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
    pub example: serde_json::Value,
}

impl Body {
    pub fn of<T: Serialize + ToSchema + Example>() -> Self {
        let mut components = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut components);
        Self {
            schema: utoipa::openapi::Ref::from_schema_name(T::name()).into(),
            components,
            example: serde_json::to_value(T::example()).unwrap_or_default(),
        }
    }
}

/// 204: done, with nothing to say.
impl Reply for () {
    const SUCCESS: Success = Success::NoContent;

    fn answer(self) -> Result<Answer, BoxError> {
        Ok(Answer::of(Bytes::new()))
    }

    fn schema() -> Option<Body> {
        None
    }
}

/// 200 with a JSON body.
impl<T: Serialize + ToSchema + Example + Send + 'static> Reply for T {
    const SUCCESS: Success = Success::Ok;

    fn answer(self) -> Result<Answer, BoxError> {
        Ok(Answer::of(serde_json::to_vec(&self)?))
    }

    fn schema() -> Option<Body> {
        Some(Body::of::<T>())
    }
}

/// One object with its version, which travels beside the body and becomes its `ETag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// 0 where nothing is stored yet, and what is answered is what holds until then.
    pub version: i64,
    pub object: T,
}

impl<T: Serialize + ToSchema + Example + Send + 'static> Reply for Versioned<T> {
    const SUCCESS: Success = Success::Ok;
    const VERSIONED: bool = true;

    fn answer(self) -> Result<Answer, BoxError> {
        let body = serde_json::to_vec(&self.object)?.into();
        let version = Some(self.version).filter(|version| *version > 0);
        Ok(Answer::Whole(Whole { body, version, created: None }))
    }

    fn schema() -> Option<Body> {
        Some(Body::of::<T>())
    }
}

/// 201: a new object. Its id travels beside the body and becomes the last part of its `Location`, below the path of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created<T> {
    pub id: String,
    pub version: i64,
    pub object: T,
}

impl<T: Serialize + ToSchema + Example + Send + 'static> Reply for Created<T> {
    const SUCCESS: Success = Success::Created;
    const VERSIONED: bool = true;

    fn answer(self) -> Result<Answer, BoxError> {
        let body = serde_json::to_vec(&self.object)?.into();
        Ok(Answer::Whole(Whole { body, version: Some(self.version), created: Some(self.id) }))
    }

    fn schema() -> Option<Body> {
        Some(Body::of::<T>())
    }
}

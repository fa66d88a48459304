//! Callback lists, owned by the `callbacks` service: each holds the callback requests of a queue.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Example,
    callback_requests::CallbackRequest,
    callbacks::SERVICE,
    events::Object,
    nested::{Nested, Nests},
    numbers, refusals, service,
};

service! {
    /// Callback lists, owned by the `callbacks` service.
    pub trait CallbackLists("callbacks", "callback_lists") refuses ListRefusal {
        /// Get all callback lists
        ///
        /// Answers every list with its open callback requests, both in the order of their creation. With `withRequest`: only the
        /// lists that have an open one.
        read fn list(ListCallbackLists) -> Nested<CallbackList>;

        /// Create a callback list
        ///
        /// The queue must exist. It may have any number of lists.
        write fn create(CreateCallbackList) -> CallbackList, refuses UnknownQueue | BadValue | Busy;

        /// Delete a callback list
        ///
        /// Its requests and their tickets go with it, open ones, too. Answers the list, which has none any more.
        lengthy fn delete(DeleteCallbackList) -> CallbackList, refuses NotFound;

        /// Delete no callback list
        ///
        /// A list is deleted by its uuid. Without one nothing is deleted.
        read fn delete_unnamed(DeleteUnnamedCallbackList) -> CallbackList, refuses NoUuid;
    }
}

refusals! {
    /// What the callback lists' rules say no with.
    pub enum ListRefusal {
        NotFound { uuid: Uuid } => NotFound, "NotFoundError", "Callback list {uuid} not found";
        UnknownQueue { queue_id: i32 } => Invalid, "BadRequest", "queueId: there is no queue {queue_id}";
        NoUuid {} => Invalid, "BadRequest", "the uuid of the callback list is missing: DELETE /callback_lists/<uuid>";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
        Busy {} => Unavailable, "ServiceUnavailable", "too many lists wait for their queues at once";
    }
}

/// A callback list with its open requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallbackList {
    #[serde(flatten)]
    pub list: ListState,
    /// Those that are not clotured.
    pub callbacks: Vec<CallbackRequest>,
}

/// A callback list without its requests, as events and history show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListState {
    #[schema(value_type = String, format = "uuid")]
    pub uuid: Uuid,
    pub name: String,
    pub queue_id: i32,
}

impl Object for ListState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "callback_list";
}

impl Nests for CallbackList {
    type Outer = ListState;
    type Inner = CallbackRequest;
    const MEMBER: &'static str = "callbacks";
}

/// Asks for the lists.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListCallbackLists {
    /// Only those that have an open request.
    pub with_request: bool,
}

/// Creates a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateCallbackList {
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// The queue whose agents call back.
    #[serde(deserialize_with = "numbers::whole_id")]
    pub queue_id: i32,
}

/// Deletes a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteCallbackList {
    pub uuid: Uuid,
}

/// What asks for no list to be deleted.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeleteUnnamedCallbackList {}

impl Example for ListState {
    fn example() -> Self {
        Self { uuid: CallbackRequest::example().list_uuid, name: "newlist".to_owned(), queue_id: 1 }
    }
}

impl Example for CallbackList {
    fn example() -> Self {
        Self { list: ListState::example(), callbacks: Vec::new() }
    }
}

impl Example for CreateCallbackList {
    fn example() -> Self {
        let ListState { uuid: _, name, queue_id } = ListState::example();
        Self { name, queue_id }
    }
}

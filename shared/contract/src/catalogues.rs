//! What users and lines name: entities, media servers, contexts and labels. All four have one form. Owned by the `users` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Created, Example, Listing, blank, events::Object, refusals, service, users::SERVICE};

refusals! {
    /// What the catalogues' rules say no with.
    pub enum CatalogueRefusal {
        NotFound { what: &'static str, name: String } => NotFound, "NotFoundError", "{what} {name} not found";
        Duplicate { constraint: String } => Conflict, "Duplicate", "duplicate key value violates unique constraint \"{constraint}\"";
        InUse { what: &'static str, name: String, users: String } => Conflict, "Conflict", "{what} {name} is in use by {users}";
        Main { name: String } => Conflict, "Conflict", "Media server {name} is the main one and cannot be deleted";
        BadValue { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// What an entry of a catalogue is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryFields {
    /// Technical unique name: 1 to 128 of the letters A to Z in either case, digits, `_`, `.` and `-`.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.-]+$")]
    pub name: String,
    /// 1 to 128 characters. Left out: the name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "blank::is_left_out")]
    #[schema(min_length = 1, max_length = 128)]
    pub display_name: Option<String>,
}

/// Declares a catalogue: its operations, their requests and what they answer.
macro_rules! catalogue {
    (
        $(#[doc = $doc:literal])*
        $catalogue:ident($resource:literal) of $entry:ident($object:literal) refuses to delete with $($refusal:ident)|+;
        requests $list:ident, $create:ident, $delete:ident;
        texts $one:literal, $many:literal;
        example $name:literal, $display_name:literal;
    ) => {
        service! {
            $(#[doc = $doc])*
            pub trait $catalogue("users", $resource) refuses CatalogueRefusal {
                #[doc = concat!("Get all ", $many)]
                #[doc = ""]
                #[doc = concat!("Answers all ", $many, ", ordered by name.")]
                read fn list($list) -> Listing<$entry>;

                #[doc = concat!("Create ", $one)]
                #[doc = ""]
                #[doc = "The name must not be taken. A `displayName` that is left out is the name."]
                write fn create($create) -> Created<$entry>, refuses Duplicate | BadValue;

                #[doc = concat!("Delete ", $one)]
                #[doc = ""]
                #[doc = "It is refused as long as a user has it."]
                write fn delete($delete) -> (), refuses $($refusal)|+;
            }
        }

        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $entry {
            /// Technical unique name.
            pub name: String,
            pub display_name: String,
        }

        impl Object for $entry {
            const SERVICE: &'static str = SERVICE;
            const NAME: &'static str = $object;
        }

        impl Example for $entry {
            fn example() -> Self {
                Self { name: $name.to_owned(), display_name: $display_name.to_owned() }
            }
        }

        #[doc = concat!("Asks for all ", $many, ".")]
        #[derive(Debug, Serialize, Deserialize)]
        pub struct $list {}

        #[doc = concat!("Creates ", $one, ".")]
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $create(pub EntryFields);

        impl Example for $create {
            fn example() -> Self {
                let $entry { name, display_name } = $entry::example();
                Self(EntryFields { name, display_name: Some(display_name) })
            }
        }

        #[doc = concat!("Deletes ", $one, ".")]
        #[derive(Debug, Serialize, Deserialize)]
        pub struct $delete {
            pub name: String,
        }
    };
}

catalogue! {
    /// The parts that an organisation's users are divided into.
    Entities("entities") of Entity("entity") refuses to delete with NotFound | InUse;
    requests ListEntities, CreateEntity, DeleteEntity;
    texts "an entity", "entities";
    example "test", "Test";
}

catalogue! {
    /// What lines are registered on: the main XiVO, which is always there, and its media servers.
    Mediaservers("mediaservers") of Mediaserver("mediaserver") refuses to delete with NotFound | InUse | Main;
    requests ListMediaservers, CreateMediaserver, DeleteMediaserver;
    texts "a media server", "media servers";
    example "mds1", "MDS 1";
}

catalogue! {
    /// Dial plans: an extension is unique within its context.
    Contexts("contexts") of Context("context") refuses to delete with NotFound | InUse;
    requests ListContexts, CreateContext, DeleteContext;
    texts "a context", "contexts";
    example "internal", "Internal calls";
}

catalogue! {
    /// What users are grouped by; a user has any number of them.
    Labels("labels") of Label("label") refuses to delete with NotFound | InUse;
    requests ListLabels, CreateLabel, DeleteLabel;
    texts "a label", "labels";
    example "blue", "Blue team";
}

//! Users as others look them up: with their lines, and as contacts. Owned by the `users` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Example, Listing,
    filter::{self, Find, Page},
    refusals, service,
};

service! {
    /// Users as others look them up.
    pub trait Directory("users", "directory") refuses DirectoryRefusal {
        /// Get all users
        ///
        /// Answers every user with its line, ordered by id.
        read fn list(ListUsers) -> Listing<ListedUser>;

        /// Find users
        ///
        /// Answers the users that pass every filter. Filterable and sortable: `id`, `fullName`, `provisioning`, `lineType`, `phoneNumber`, `entity`, `mdsName`, `mdsDisplayName` and `labels` (or `label`).
        read fn find(FindUsers) -> Page<ListedUser>, refuses BadFilter;

        /// Get all users as contacts
        ///
        /// Answers how every user can be reached, ordered by id.
        read fn contacts(ListContacts) -> Listing<Contact>;
    }
}

refusals! {
    /// What the directory's rules say no with.
    pub enum DirectoryRefusal {
        BadFilter { reason: String } => Invalid, "BadRequest", "{reason}";
    }
}

/// A user with the line it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedUser {
    pub id: i32,
    /// First name and last name.
    pub full_name: String,
    /// The code that a SIP device is provisioned with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning: Option<i32>,
    /// `phone`, `webrtc`, `ua`, `sccp` or `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_type: Option<String>,
    /// The line's extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The display name of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The media server that the line is registered on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mds_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mds_display_name: Option<String>,
    /// Names of labels.
    pub labels: Vec<String>,
}

/// How a user can be reached. The letter case of its fields is that of XiVO's clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    pub firstname: String,
    /// May be empty.
    pub lastname: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(rename = "mobilephoneNumber", default, skip_serializing_if = "Option::is_none")]
    pub mobile_phone_number: Option<String>,
    /// The line's extension.
    #[serde(rename = "internalphonenumber", default, skip_serializing_if = "Option::is_none")]
    pub internal_phone_number: Option<String>,
    /// Names of labels.
    pub labels: Vec<String>,
    #[serde(rename = "externalphonenumber", default, skip_serializing_if = "Option::is_none")]
    pub external_phone_number: Option<String>,
}

/// Asks for all users.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListUsers {}

/// Asks for the users that pass the filters.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct FindUsers(pub Find);

/// Asks for all users as contacts.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListContacts {}

impl Example for ListedUser {
    fn example() -> Self {
        Self {
            id: 1,
            full_name: "user A".to_owned(),
            provisioning: Some(583_115),
            line_type: Some("phone".to_owned()),
            phone_number: Some("1000".to_owned()),
            entity: Some("Test".to_owned()),
            mds_name: Some("default".to_owned()),
            mds_display_name: Some("MDS Main".to_owned()),
            labels: ["blue", "green", "red"].map(str::to_owned).to_vec(),
        }
    }
}

impl Example for FindUsers {
    fn example() -> Self {
        Self(filter::find_example("phoneNumber", "1000"))
    }
}

impl Example for Contact {
    fn example() -> Self {
        Self {
            firstname: "Albert".to_owned(),
            lastname: "Einstein".to_owned(),
            email: Some("a.einstein@xivo.solutions".to_owned()),
            mobile_phone_number: Some("2012".to_owned()),
            internal_phone_number: Some("2019".to_owned()),
            labels: ["green", "yellow"].map(str::to_owned).to_vec(),
            external_phone_number: Some("0007".to_owned()),
        }
    }
}

use configmgt_contract::{
    directory::{Contact, ListedUser},
    filter::{Find, Page},
};
use configmgt_runtime::{
    connections::Connections,
    filter::{Column, FindError, Kind, Table},
    listing::BATCH,
};
use tracing::instrument;

/// A row of the view `directory`.
#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    pub(crate) id: i32,
    full_name: String,
    provisioning: Option<i32>,
    line_type: Option<String>,
    phone_number: Option<String>,
    entity: Option<String>,
    mds_name: Option<String>,
    mds_display_name: Option<String>,
    labels: Vec<String>,
}

impl From<UserRow> for ListedUser {
    fn from(row: UserRow) -> Self {
        let UserRow { id, full_name, provisioning, line_type, phone_number, entity, .. } = row;
        let UserRow { mds_name, mds_display_name, labels, .. } = row;
        Self { id, full_name, provisioning, line_type, phone_number, entity, mds_name, mds_display_name, labels }
    }
}

/// A user with its extension.
pub(crate) struct ContactRow {
    pub(crate) id: i32,
    firstname: String,
    lastname: String,
    email: Option<String>,
    mobile_phone_number: Option<String>,
    extension: Option<String>,
    labels: Vec<String>,
    external_phone_number: Option<String>,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        let ContactRow { id: _, firstname, lastname, email, mobile_phone_number, .. } = row;
        let ContactRow { extension: internal_phone_number, labels, external_phone_number, .. } = row;
        Self { firstname, lastname, email, mobile_phone_number, internal_phone_number, labels, external_phone_number }
    }
}

/// What the find endpoint can filter and sort by.
const USERS: Table = Table {
    select: "id, full_name, provisioning, line_type, phone_number, entity, mds_name, mds_display_name, labels",
    from: "directory",
    key: "id",
    columns: &[
        Column { names: &["id"], sql: "id", kind: Kind::Integer },
        Column { names: &["fullName"], sql: "full_name", kind: Kind::Text },
        Column { names: &["provisioning"], sql: "provisioning", kind: Kind::DialNumber },
        Column { names: &["lineType"], sql: "line_type", kind: Kind::Text },
        Column { names: &["phoneNumber"], sql: "phone_number", kind: Kind::Text },
        Column { names: &["entity"], sql: "entity", kind: Kind::Text },
        Column { names: &["mdsName"], sql: "mds_name", kind: Kind::Text },
        Column { names: &["mdsDisplayName"], sql: "mds_display_name", kind: Kind::Text },
        Column { names: &["labels", "label"], sql: "labels", kind: Kind::Labels },
    ],
};

/// A batch of the users whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT directory", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn users_above(connections: Connections, after: i32) -> sqlx::Result<Vec<UserRow>> {
    let rows = sqlx::query_as!(
        UserRow,
        r#"SELECT id AS "id!", full_name AS "full_name!", provisioning, line_type, phone_number, entity, mds_name,
                  mds_display_name, labels AS "labels!"
           FROM directory WHERE id > $1 ORDER BY id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

/// A batch of the contacts whose id is above `after`, by id.
#[instrument(level = "debug", name = "SELECT users", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn contacts_above(connections: Connections, after: i32) -> sqlx::Result<Vec<ContactRow>> {
    let rows = sqlx::query_as!(
        ContactRow,
        r#"SELECT u.id, u.firstname, u.lastname, u.email, u.mobile_phone_number, l.extension AS "extension?", u.labels,
                  u.external_phone_number
           FROM users u LEFT JOIN line l ON l.user_id = u.id
           WHERE u.id > $1 ORDER BY u.id LIMIT $2"#,
        after,
        BATCH
    );
    let mut connection = connections.lend().await?;
    let rows = rows.fetch_all(&mut *connection).await;
    connection.done(rows)
}

#[instrument(level = "debug", name = "SELECT directory", skip_all, fields(otel.kind = "client", db.system.name = "postgresql"))]
pub(crate) async fn find(connections: &Connections, find: &Find) -> Result<Page<ListedUser>, FindError> {
    USERS.find::<UserRow, ListedUser>(connections, find).await
}

//! The rules of entities, media servers, contexts and labels.

use configmgt_contract::{
    Call, Created, Failure, Outcome,
    catalogues::{
        CatalogueRefusal, Contexts, CreateContext, CreateEntity, CreateLabel, CreateMediaserver, DeleteContext,
        DeleteEntity, DeleteLabel, DeleteMediaserver, Entities, EntryFields, Labels, ListContexts, ListEntities,
        ListLabels, ListMediaservers, Mediaservers,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing, sqlstate, text,
};

use crate::store::catalogues as store;

/// The media server that every XiVO has.
const MAIN: &str = "default";

/// How many users a refusal names.
const NAMED_USERS: usize = 10;

pub(crate) struct Catalogues {
    journal: Journal,
}

impl Catalogues {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Catalogues);

/// Implements a catalogue over its store.
macro_rules! catalogue {
    ($catalogue:ident over $store:ident; $list:ident, $create:ident, $delete:ident; $what:literal, kept: $kept:expr) => {
        impl $catalogue for Catalogues {
            async fn list(&self, _: &Call, $list {}: $list) -> Outcome<$list> {
                let connections = self.journal.connections().clone();
                Ok(listing::by_key(
                    String::new(),
                    |row: &store::Row| row.name.clone(),
                    move |after| store::$store::above(connections.clone(), after),
                ))
            }

            async fn create(&self, change: &mut Change, $create(fields): $create) -> Outcome<$create> {
                let (name, display_name) = checked(fields)?;
                let created = store::$store::insert(change.connection(), &name, &display_name).await;
                let (version, row) = created.map_err(duplicate)?;
                Ok(Created { id: name, version, object: row.into() })
            }

            async fn delete(&self, change: &mut Change, $delete { name }: $delete) -> Outcome<$delete> {
                let connection = change.connection();
                if !store::$store::lock(connection, &name).await? {
                    return Err(CatalogueRefusal::NotFound { what: $what, name }.into());
                }
                if $kept == Some(name.as_str()) {
                    return Err(CatalogueRefusal::Main { name }.into());
                }
                // Who was given it before it was locked shows only to a statement that began after.
                let users = store::$store::users(connection, &name).await?;
                if !users.is_empty() {
                    return Err(CatalogueRefusal::InUse { what: $what, name, users: named(&users) }.into());
                }
                Ok(store::$store::delete(connection, &name).await?)
            }
        }
    };
}

catalogue!(Entities over entity; ListEntities, CreateEntity, DeleteEntity; "Entity", kept: None::<&str>);
catalogue!(Mediaservers over mediaserver; ListMediaservers, CreateMediaserver, DeleteMediaserver; "Media server", kept: Some(MAIN));
catalogue!(Contexts over context; ListContexts, CreateContext, DeleteContext; "Context", kept: None::<&str>);
catalogue!(Labels over label; ListLabels, CreateLabel, DeleteLabel; "Label", kept: None::<&str>);

/// The name and the display name, if they can be ones.
fn checked(EntryFields { name, display_name }: EntryFields) -> Result<(String, String), CatalogueRefusal> {
    let bad_value = |reason: String| CatalogueRefusal::BadValue { reason };
    text::check_name(&name).map_err(bad_value)?;
    // As part of a path these two mean something else.
    if name == "." || name == ".." {
        return Err(bad_value(format!("name cannot be {name}")));
    }
    let display_name = display_name.unwrap_or_else(|| name.clone());
    text::check("displayName", &display_name, text::MAX).map_err(bad_value)?;
    Ok((name, display_name))
}

/// `user 1`, or `users 1, 2`.
fn named(users: &[i32]) -> String {
    let names: Vec<_> = users.iter().take(NAMED_USERS).map(i32::to_string).collect();
    let (noun, more) = (if users.len() == 1 { "user" } else { "users" }, users.len() > NAMED_USERS);
    format!("{noun} {}{}", names.join(", "), if more { " and others" } else { "" })
}

fn duplicate(error: sqlx::Error) -> Failure<CatalogueRefusal> {
    match sqlstate::duplicate(&error) {
        Some(constraint) => CatalogueRefusal::Duplicate { constraint }.into(),
        None => error.into(),
    }
}

//! The rules of preferences.

use configmgt_contract::{
    Call, Failure, Outcome,
    preferences::{
        self, CreatePreference, DeletePreference, GetPreference, ListPreferences, PreferenceRefusal, PreferenceValue,
        UpdatePreference,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, listing, text,
};
use sqlx::PgConnection;

use crate::store::{broken_constraint, preferences as store};

/// The most characters of a value, and of its type.
const MAX_VALUE: usize = 4096;
const MAX_TYPE: usize = 32;

/// On what the applications of a user with a unique account telephone, where he does not say otherwise.
const PREFERRED_DEVICE: &str = "preferred_device";
const DEVICES: [&str; 2] = ["phone", "webrtc"];

pub(crate) struct Preferences {
    journal: Journal,
}

impl Preferences {
    pub(crate) const fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

journaled!(Preferences);

impl preferences::Preferences for Preferences {
    async fn list(&self, _: &Call, ListPreferences { user_id }: ListPreferences) -> Outcome<ListPreferences> {
        let connections = self.journal.connections().clone();
        let mut connection = connections.lend().await?;
        let exists = store::user_exists(&mut connection, user_id).await;
        if !connection.done(exists)? {
            return Err(PreferenceRefusal::UserNotFound { id: user_id }.into());
        }
        Ok(listing::by_key(
            i64::MIN,
            |row: &store::ListedRow| row.id,
            move |after| store::above(connections.clone(), user_id, after),
        ))
    }

    async fn get(&self, _: &Call, GetPreference { user_id, key }: GetPreference) -> Outcome<GetPreference> {
        let mut connection = self.journal.connections().lend().await?;
        let read = async {
            match store::get(&mut connection, user_id, &key).await? {
                Some(preference) => Ok(Ok(preference)),
                None => Ok(Err(store::user_exists(&mut connection, user_id).await?)),
            }
        };
        let read = read.await;
        connection.done(read)?.map_err(|user_exists| missing(user_exists, user_id, key).into())
    }

    async fn create(
        &self,
        change: &mut Change,
        CreatePreference { user_id, key, value }: CreatePreference,
    ) -> Outcome<CreatePreference> {
        check(&key, &value)?;
        let inserted = store::insert(change.connection(), user_id, &key, &value).await;
        inserted.map_err(|error| match broken_constraint(&error) {
            Some("preference_user_id_fkey") => PreferenceRefusal::UserNotFound { id: user_id }.into(),
            Some("preference_user_id_key_key") => PreferenceRefusal::AlreadySet { user_id, key }.into(),
            _ => error.into(),
        })
    }

    async fn update(
        &self,
        change: &mut Change,
        UpdatePreference { user_id, key, value }: UpdatePreference,
    ) -> Outcome<UpdatePreference> {
        check(&key, &value)?;
        let connection = change.connection();
        if store::update(connection, user_id, &key, &value).await? {
            return Ok(());
        }
        not_set(connection, user_id, key).await
    }

    async fn delete(
        &self,
        change: &mut Change,
        DeletePreference { user_id, key }: DeletePreference,
    ) -> Outcome<DeletePreference> {
        let connection = change.connection();
        if store::delete(connection, user_id, &key).await? {
            return Ok(());
        }
        not_set(connection, user_id, key).await
    }
}

fn check(key: &str, PreferenceValue { value, value_type }: &PreferenceValue) -> Result<(), PreferenceRefusal> {
    let bad = |reason| Err(PreferenceRefusal::BadValue { reason });
    if value.chars().count() > MAX_VALUE {
        return bad(format!("value has more than {MAX_VALUE} characters"));
    }
    if value.contains('\0') {
        return bad("value contains a NUL".to_owned());
    }
    text::check("value_type", value_type, MAX_TYPE).or_else(bad)?;
    if key == PREFERRED_DEVICE && !DEVICES.contains(&value.as_str()) {
        return bad(format!("the value of {PREFERRED_DEVICE} is neither {}", DEVICES.join(" nor ")));
    }
    Ok(())
}

async fn not_set(connection: &mut PgConnection, user_id: i32, key: String) -> Result<(), Failure<PreferenceRefusal>> {
    let user_exists = store::user_exists(connection, user_id).await?;
    Err(missing(user_exists, user_id, key).into())
}

fn missing(user_exists: bool, user_id: i32, key: String) -> PreferenceRefusal {
    if user_exists {
        PreferenceRefusal::NotSet { user_id, key }
    } else {
        PreferenceRefusal::UserNotFound { id: user_id }
    }
}

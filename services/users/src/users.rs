//! The rules of users as they are managed.

use configmgt_contract::{
    Call, Created, Failure, Outcome, Versioned,
    merge::Member,
    password::Password,
    users::{
        self as contract, CreateUser, DeleteUser, GetUser, PatchUser, ReplaceUser, User, UserFields, UserPatch,
        UserRefusal,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled, sqlstate, text,
};

use crate::{
    password::Passwords,
    store::{broken_constraint, users as store},
};

/// The longest address that mail can be sent to (RFC 5321).
pub(crate) const MAX_EMAIL: usize = 254;

/// The most labels of a user.
pub(crate) const MAX_LABELS: usize = 100;

pub(crate) struct Users {
    journal: Journal,
    by_id: store::UserLookup,
    passwords: Passwords,
}

impl Users {
    pub(crate) fn new(journal: Journal, passwords: Passwords) -> Self {
        let by_id = store::lookup(journal.connections());
        Self { journal, by_id, passwords }
    }

    /// Gives the user these fields, whose password stands apart.
    async fn update(
        &self,
        change: &mut Change,
        id: i32,
        fields: UserFields,
        password: Member<Password>,
    ) -> Result<Versioned<User>, Failure<UserRefusal>> {
        let fields = checked(fields)?;
        let password = match password {
            Member::Absent => store::PasswordHash::Kept,
            Member::Null => store::PasswordHash::Set(None),
            Member::Value(password) => store::PasswordHash::Set(Some(self.hash(password).await?)),
        };
        let updated = store::update(change.connection(), id, &fields, &password).await;
        updated.map_err(|error| refused(error, &fields))?.ok_or_else(|| not_found(id))
    }

    async fn hash(&self, password: Password) -> Result<String, Failure<UserRefusal>> {
        if password.expose().is_empty() {
            return Err(UserRefusal::BadValue { reason: "password must not be empty".to_owned() }.into());
        }
        let place = self.passwords.place().ok_or(UserRefusal::Busy {})?;
        Ok(place.hash(password).await?)
    }
}

journaled!(Users);

impl contract::Users for Users {
    async fn get(&self, _: &Call, GetUser { id }: GetUser) -> Outcome<GetUser> {
        self.by_id.get(id).await?.ok_or_else(|| not_found(id))
    }

    async fn create(&self, change: &mut Change, CreateUser(mut fields): CreateUser) -> Outcome<CreateUser> {
        let password = fields.password.take();
        let fields = checked(fields)?;
        let hash = match password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let created = store::insert(change.connection(), &fields, hash.as_deref()).await;
        let Versioned { version, object } = created.map_err(|error| refused(error, &fields))?;
        Ok(Created { id: object.id.to_string(), version, object })
    }

    async fn replace(&self, change: &mut Change, ReplaceUser { id, mut fields }: ReplaceUser) -> Outcome<ReplaceUser> {
        let password = fields.password.take().map_or(Member::Absent, Member::Value);
        self.update(change, id, fields, password).await
    }

    async fn patch(&self, change: &mut Change, PatchUser { id, patch }: PatchUser) -> Outcome<PatchUser> {
        let user = store::lock(change.connection(), id).await?.ok_or_else(|| not_found(id))?;
        let (fields, password) = patched(user, patch);
        self.update(change, id, fields, password).await
    }

    async fn delete(&self, change: &mut Change, DeleteUser { id }: DeleteUser) -> Outcome<DeleteUser> {
        if store::delete(change.connection(), id).await? { Ok(()) } else { Err(not_found(id)) }
    }
}

/// What the patch makes of the user, and of its password.
fn patched(user: User, patch: UserPatch) -> (UserFields, Member<Password>) {
    let User { id: _, firstname, lastname, login, email, mobile_phone_number, external_phone_number, entity, labels } =
        user;
    let mut fields = UserFields {
        firstname,
        lastname,
        login,
        password: None,
        email,
        mobile_phone_number,
        external_phone_number,
        entity,
        labels,
    };
    patch.firstname.merge_into(&mut fields.firstname);
    patch.lastname.merge_into(&mut fields.lastname);
    patch.login.merge_into(&mut fields.login);
    patch.email.merge_into(&mut fields.email);
    patch.mobile_phone_number.merge_into(&mut fields.mobile_phone_number);
    patch.external_phone_number.merge_into(&mut fields.external_phone_number);
    patch.entity.merge_into(&mut fields.entity);
    patch.labels.merge_into(&mut fields.labels);
    (fields, patch.password)
}

/// The fields as they are kept, without the password, if they can be: an optional text without anything to read is none, and a
/// label counts once.
fn checked(mut fields: UserFields) -> Result<UserFields, UserRefusal> {
    let bad_value = |reason: String| UserRefusal::BadValue { reason };
    let UserFields {
        firstname,
        lastname,
        login,
        password,
        email,
        mobile_phone_number,
        external_phone_number,
        entity,
        labels,
    } = &mut fields;
    text::check("firstname", firstname, text::MAX).map_err(bad_value)?;
    if lastname.trim().is_empty() {
        lastname.clear();
    } else {
        text::check("lastname", lastname, text::MAX).map_err(bad_value)?;
    }
    for (field, value, max) in [
        ("login", login, text::MAX),
        ("email", email, MAX_EMAIL),
        ("mobilePhoneNumber", mobile_phone_number, text::MAX),
        ("externalPhoneNumber", external_phone_number, text::MAX),
        ("entity", entity, text::MAX),
    ] {
        value.take_if(|text| text.trim().is_empty());
        if let Some(value) = value {
            text::check(field, value, max).map_err(bad_value)?;
        }
    }
    if labels.len() > MAX_LABELS {
        return Err(bad_value(format!("labels has more than {MAX_LABELS} items")));
    }
    for label in std::mem::take(labels) {
        text::check("labels", &label, text::MAX).map_err(bad_value)?;
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    *password = None;
    Ok(fields)
}

fn not_found(id: i32) -> Failure<UserRefusal> {
    UserRefusal::NotFound { id }.into()
}

/// Says what stands in the way of a user with these fields.
fn refused(error: sqlx::Error, fields: &UserFields) -> Failure<UserRefusal> {
    let refusal = match (broken_constraint(&error), &fields.entity) {
        (Some(constraint @ ("users_login_key" | "users_email_key")), _) => {
            UserRefusal::Duplicate { constraint: constraint.to_owned() }
        }
        (Some("users_entity"), Some(name)) => UserRefusal::UnknownEntity { name: name.clone() },
        (Some("users_labels"), _) => UserRefusal::UnknownLabel { reason: sqlstate::message(&error) },
        _ => return error.into(),
    };
    refusal.into()
}

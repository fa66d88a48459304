//! Users in JSON: the documented examples, to the letter.

use configmgt_contract::{
    Example,
    directory::{Contact, ListedUser},
    users::{User, UserFields},
};
use serde_json::{Value, json};

#[test]
fn the_documented_user_of_the_list_is_written_with_its_id_and_otherwise_to_the_letter() {
    let documented = r#"{"id":1,"fullName":"user A","provisioning":583115,"lineType":"phone","phoneNumber":"1000","entity":"Test","mdsName":"default","mdsDisplayName":"MDS Main","labels":["blue","green","red"]}"#;
    assert_eq!(serde_json::to_string(&ListedUser::example()).unwrap(), documented);
}

#[test]
fn the_documented_contact_is_written_to_the_letter() {
    let documented = r#"{"firstname":"Albert","lastname":"Einstein","email":"a.einstein@xivo.solutions","mobilephoneNumber":"2012","internalphonenumber":"2019","labels":["green","yellow"],"externalphonenumber":"0007"}"#;
    assert_eq!(serde_json::to_string(&Contact::example()).unwrap(), documented);
}

#[test]
fn what_a_user_lacks_is_left_out() {
    let user = json!({"id": 1, "firstname": "A", "lastname": "", "labels": []});
    assert_eq!(serde_json::to_value(serde_json::from_value::<User>(user.clone()).unwrap()).unwrap(), user);
    let contact = json!({"firstname": "A", "lastname": "", "labels": []});
    assert_eq!(serde_json::to_value(serde_json::from_value::<Contact>(contact.clone()).unwrap()).unwrap(), contact);
}

#[test]
fn null_counts_as_left_out() {
    let nulls =
        ["lastname", "login", "password", "email", "mobilePhoneNumber", "externalPhoneNumber", "entity", "labels"];
    let mut user = json!({"firstname": "A"});
    for name in nulls {
        user[name] = Value::Null;
    }
    let left_out = UserFields { firstname: "A".to_owned(), ..UserFields::default() };
    assert_eq!(serde_json::from_value::<UserFields>(user).unwrap(), left_out);
    assert_eq!(serde_json::from_value::<UserFields>(json!({"firstname": "A"})).unwrap(), left_out);
}

#[test]
fn a_password_is_not_printed() {
    let printed = format!("{:?}", UserFields::example());
    assert!(printed.contains("password: Some(Password(…))"), "{printed}");
}

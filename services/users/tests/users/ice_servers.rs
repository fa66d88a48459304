use configmgt_contract::{
    Expected, Status,
    ice_servers::{GetIceServers, SetIceServers},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{Service, fault};

#[tokio::test]
async fn an_address_is_set_replaced_and_removed() {
    let service = Service::with_users(0).await;
    assert_eq!(service.versioned::<GetIceServers>(json!({}), None).await, Ok((None, json!({}))));
    let first = json!({"stun_address": "stun:stun.l.google.com:19302"});
    let second = json!({"stun_address": "turns:[2001:db8::1]:5349?transport=tcp"});
    let removed = json!({});
    for (version, sent) in [(1, &first), (2, &second), (3, &removed), (4, &first)] {
        let answered = Ok((Some(version), sent.clone()));
        assert_eq!(service.versioned::<SetIceServers>(sent.clone(), None).await, answered);
        assert_eq!(service.versioned::<GetIceServers>(json!({}), None).await, answered);
    }
    for left_out in [json!(null), json!("")] {
        service.ask::<SetIceServers>(first.clone()).await.unwrap();
        assert_eq!(service.ask::<SetIceServers>(json!({"stun_address": left_out})).await, Ok(removed.clone()));
    }
}

#[tokio::test]
async fn an_address_of_another_version_than_expected_stays_as_it_is() {
    let service = Service::with_users(0).await;
    let address = json!({"stun_address": "stun:a"});
    let first = || Some(Expected::OneOf(vec![1]));
    let refused = |message| Err(fault(Status::PreconditionFailed, "PreconditionFailed", message));
    let set = service.versioned::<SetIceServers>(address.clone(), first()).await;
    assert_eq!(set, refused("there is no such object yet"));
    service.ask::<SetIceServers>(address.clone()).await.unwrap();
    assert_eq!(service.versioned::<SetIceServers>(json!({}), first()).await, Ok((Some(2), json!({}))));
    assert_eq!(service.versioned::<SetIceServers>(address, first()).await, refused("the object has version 2"));
    assert_eq!(service.ask::<GetIceServers>(json!({})).await, Ok(json!({})));
}

#[tokio::test]
async fn first_addresses_at_the_same_moment_are_all_taken_and_one_stays() {
    let service = Service::with_users(0).await;
    let addresses: Vec<_> = (1..=8).map(|port| json!({"stun_address": format!("stun:a:{port}")})).collect();
    let set = join_all(addresses.iter().map(|address| service.ask::<SetIceServers>(address.clone()))).await;
    assert!(set.iter().zip(&addresses).all(|(answer, address)| answer.as_ref() == Ok(address)), "{set:?}");
    let (version, stays) = service.versioned::<GetIceServers>(json!({}), None).await.unwrap();
    assert_eq!(version, Some(8));
    assert!(addresses.contains(&stays));
}

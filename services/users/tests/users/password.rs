use std::{
    fs,
    time::{Duration, Instant},
};

use configmgt_contract::password::Password;
use configmgt_users::password::{Passwords, WAITING};
use serde_json::json;

fn password(text: &str) -> Password {
    serde_json::from_value(json!(text)).unwrap()
}

#[tokio::test]
async fn a_hash_is_of_its_password_and_of_no_other() {
    let passwords = Passwords::start();
    let long = "é\0".repeat(341);
    for text in ["doe", "", long.as_str()] {
        let hash = passwords.place().unwrap().hash(password(text)).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = async |text| passwords.place().unwrap().verify(password(text), Some(hash.clone())).await.unwrap();
        assert!(verify(text).await, "{text}");
        assert!(!verify("Doe").await, "{text}");
        let again = passwords.place().unwrap().hash(password(text)).await.unwrap();
        assert_ne!(hash, again);
    }
}

#[tokio::test]
async fn a_hash_with_parameters_of_its_own_is_verified_with_those() {
    // From the tests of the reference implementation, with more memory than ours take.
    let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let passwords = Passwords::start();
    let ours = passwords.place().unwrap().hash(password("password")).await.unwrap();
    for hash in [reference, ours.as_str(), reference] {
        let verify = async |text| passwords.place().unwrap().verify(password(text), Some(hash.to_owned())).await;
        assert!(verify("password").await.unwrap(), "{hash}");
        assert!(!verify("passwort").await.unwrap(), "{hash}");
    }
}

#[tokio::test]
async fn without_a_hash_no_password_is_right() {
    let passwords = Passwords::start();
    for text in ["doe", ""] {
        assert!(!passwords.place().unwrap().verify(password(text), None).await.unwrap());
    }
}

#[tokio::test]
async fn without_a_hash_the_answer_comes_no_sooner() {
    let passwords = Passwords::start();
    let hash = passwords.place().unwrap().hash(password("doe")).await.unwrap();
    let verify = async |hash| {
        // Behind a wrong password a thread rests; behind this one it does not.
        passwords.place().unwrap().hash(password("doe")).await.unwrap();
        let began = Instant::now();
        passwords.place().unwrap().verify(password("wrong"), hash).await.unwrap();
        began.elapsed()
    };
    // Of several times, the shortest is the one that the rest of the machine had no part in.
    let (mut with, mut without) = (Duration::MAX, Duration::MAX);
    for _ in 0..8 {
        with = with.min(verify(Some(hash.clone())).await);
        without = without.min(verify(None).await);
    }
    assert!(without > with / 2, "{without:?}, but {with:?} with a hash");
}

#[tokio::test]
async fn a_hash_that_is_none_is_an_error_that_does_not_show_it() {
    let passwords = Passwords::start();
    let error = passwords.place().unwrap().verify(password("doe"), Some("no hash".to_owned())).await.unwrap_err();
    assert_eq!(error.to_string(), "the stored hash is none");
    assert!(!format!("{error:?}").contains("no hash"), "{error:?}");
}

#[tokio::test]
async fn places_are_few_and_come_back() {
    let passwords = Passwords::start();
    let places: Vec<_> = std::iter::from_fn(|| passwords.place()).collect();
    assert!([WAITING + 1, WAITING + 2].contains(&places.len()), "{}", places.len());
    drop(places);
    assert!(passwords.place().is_some());
    for _ in 0..WAITING + 3 {
        passwords.place().unwrap().verify(password("doe"), None).await.unwrap();
    }
}

#[tokio::test]
async fn the_threads_that_hash_give_way_to_all_others() {
    let passwords = Passwords::start();
    passwords.place().unwrap().verify(password("doe"), None).await.unwrap();
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let of_passwords =
        tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "passwords\n"));
    let mut nicenesses = of_passwords.filter_map(|task| {
        // A thread of another test may have ended meanwhile.
        let stat = fs::read_to_string(task.join("stat")).ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(16)?.parse::<i32>().ok()
    });
    let own = rustix::process::nice(0).unwrap();
    assert!(nicenesses.any(|niceness| niceness == (own + 5).min(19)));
}

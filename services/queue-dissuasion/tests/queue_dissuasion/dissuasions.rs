use std::{
    fs,
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use configmgt_contract::{
    Expected, Fault, Status,
    dissuasions::{ExplainDissuasion, GetDissuasion, ListDissuasions, SetSoundFile, SetTarget},
    queues::{CreateQueue, DeleteQueue, ReplaceQueue},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{Service, fault, sounds_folder::SoundsFolder};

impl Service {
    pub(crate) async fn set_sound_file(&self, id: i32, name: &str) -> Result<Value, Fault> {
        self.ask::<SetSoundFile>(json!({"id": id, "to": {"soundFile": name}})).await
    }

    pub(crate) async fn set_target(&self, id: i32, name: &str) -> Result<Value, Fault> {
        self.ask::<SetTarget>(json!({"id": id, "to": {"queueName": name}})).await
    }

    /// Only the dissuasion.
    async fn dissuasion(&self, id: i32) -> Value {
        self.ask::<GetDissuasion>(json!({"id": id})).await.unwrap()["dissuasion"].clone()
    }

    /// The names of the sound files that the queue can use.
    async fn sounds(&self, id: i32) -> Vec<String> {
        let available = self.ask::<ListDissuasions>(json!({"id": id})).await.unwrap();
        let files = available["dissuasions"]["soundFiles"].as_array().unwrap();
        files.iter().map(|file| file["soundFile"].as_str().unwrap().to_owned()).collect()
    }

    /// Asks until the queue can use these, and says for how long.
    pub(crate) async fn sounds_become(&self, id: i32, names: &[&str]) -> Duration {
        let begin = Instant::now();
        while self.sounds(id).await != names {}
        begin.elapsed()
    }
}

fn to_sound(name: &str) -> Value {
    json!({"type": "soundFile", "value": {"soundFile": name}})
}

fn to_queue(name: &str) -> Value {
    json!({"type": "queue", "value": {"queueName": name}})
}

fn other() -> Value {
    json!({"type": "other"})
}

fn queue_not_found(doing: &str) -> Fault {
    fault(Status::NotFound, "QueueNotFound", &format!("Unable to perform {doing} - QueueNotFound"))
}

fn file_not_found(id: i32, name: &str) -> Fault {
    let message = format!("Unable to perform updateQueueDissuasion on queue {id} with file {name} - FileNotFound");
    fault(Status::NotFound, "FileNotFound", &message)
}

fn refused(id: i32, reason: &str) -> Fault {
    let message = format!("Unable to perform updateQueueDissuasion on queue {id}: {reason}");
    fault(Status::Invalid, "BadRequest", &message)
}

#[tokio::test]
async fn a_queue_dissuades_to_what_it_was_given_last() {
    let folder = SoundsFolder::with(&["sales_audio_file.wav", "sales_newSoundFile.gsm"]);
    let service = Service::with_sounds(&folder, None, &["sales", "support"]).await;
    assert_eq!(service.dissuasion(1).await, other());
    let set = json!({"id": 1, "soundFile": "sales_audio_file"});
    assert_eq!(service.set_sound_file(1, "sales_audio_file").await, Ok(set));
    assert_eq!(service.dissuasion(1).await, to_sound("sales_audio_file"));
    assert_eq!(service.set_target(1, "support").await, Ok(json!({"id": 1, "queueName": "support"})));
    assert_eq!(service.dissuasion(1).await, to_queue("support"));
    service.set_sound_file(1, "sales_newSoundFile").await.unwrap();
    let whole = json!({"id": 1, "name": "sales", "dissuasion": to_sound("sales_newSoundFile")});
    assert_eq!(service.ask::<GetDissuasion>(json!({"id": 1})).await, Ok(whole));
}

#[tokio::test]
async fn what_is_not_there_is_not_found_in_the_words_of_the_operation() {
    let folder = SoundsFolder::with(&["sales_a.wav"]);
    let service = Service::with_sounds(&folder, None, &["sales"]).await;
    let got = service.ask::<GetDissuasion>(json!({"id": 3})).await;
    assert_eq!(got, Err(queue_not_found("getQueueDissusasion on queue 3")));
    let listed = service.ask::<ListDissuasions>(json!({"id": 3})).await;
    assert_eq!(listed, Err(queue_not_found("getQueueDissusasionList on queue 3")));
    // The queue is looked for before the file and the target.
    for set in [service.set_sound_file(3, "sales_b").await, service.set_target(3, "support").await] {
        assert_eq!(set, Err(queue_not_found("updateQueueDissuasion on queue 3")));
    }
    assert_eq!(service.set_sound_file(1, "sales_b").await, Err(file_not_found(1, "sales_b")));
    for target in ["support", "", "a\0b", "../sales", "'; DROP TABLE queue; --", &"a".repeat(1000)] {
        let message = format!("updateQueueDissuasion on queue 1: could not find the queue '{target}'");
        assert_eq!(service.set_target(1, target).await, Err(queue_not_found(&message)));
    }
    assert_eq!(service.dissuasion(1).await, other());
    assert_eq!(service.changes_of("dissuasion").await, []);
}

#[tokio::test]
async fn a_sound_file_is_only_ever_one_of_the_listing() {
    let folder = SoundsFolder::with(&["sales_a.wav", "support_a.wav", "sales_b.txt", "sales_\n.wav"]);
    fs::create_dir(folder.path().join("sales_folder")).unwrap();
    fs::write(folder.path().join("sales_folder/sales_c.wav"), "").unwrap();
    let service = Service::with_sounds(&folder, None, &["sales"]).await;
    let absolute = folder.path().join("sales_a");
    for name in [
        "",
        "sales_",
        "sales_a.wav",
        "./sales_a",
        "sales_folder",
        "sales_folder/sales_c",
        "sales_folder/../sales_a",
        "../etc/passwd",
        "sales_../../../etc/passwd",
        "..%2fsales_a",
        absolute.to_str().unwrap(),
        "support_a",
        "sales_b",
        "SALES_a",
        "sales_a\0",
        "sales_\n",
        "sales_*",
        "sales_a ",
    ] {
        assert_eq!(service.set_sound_file(1, name).await, Err(file_not_found(1, name)), "{name:?}");
    }
    assert_eq!(service.set_sound_file(1, "sales_a").await, Ok(json!({"id": 1, "soundFile": "sales_a"})));
}

#[tokio::test]
async fn odd_names_of_files_and_queues_are_names_like_others() {
    let odd = ["._a.wav", ".._b.wav", "-_c.wav", "a.b_d.wav", "sales_%27, & 'é'.wav"];
    let folder = SoundsFolder::with(&odd);
    let service = Service::with_sounds(&folder, None, &[".", "..", "-", "a.b", "sales"]).await;
    for (id, name) in (1..).zip(["._a", ".._b", "-_c", "a.b_d", "sales_%27, & 'é'"]) {
        assert_eq!(service.sounds(id).await, [name]);
        assert_eq!(service.set_sound_file(id, name).await, Ok(json!({"id": id, "soundFile": name})));
        assert_eq!(service.dissuasion(id).await, to_sound(name));
    }
}

#[tokio::test]
async fn the_available_dissuasions_are_the_queues_sound_files_and_the_default_queue() {
    let files = ["sales_audio_file_2", "sales_audio_file.wav", "sales_audio_file.gsm", "salesman_a.wav", "other.wav"];
    let folder = SoundsFolder::with(&files);
    let service = Service::with_sounds(&folder, Some("switchboard"), &["sales", "switchboard"]).await;
    let sales = json!({
        "id": 1,
        "name": "sales",
        "dissuasions": {
            "soundFiles": [{"soundFile": "sales_audio_file"}, {"soundFile": "sales_audio_file_2"}],
            "queues": [{"queueName": "switchboard"}],
        },
    });
    assert_eq!(service.ask::<ListDissuasions>(json!({"id": 1})).await, Ok(sales));
    // It cannot dissuade to itself.
    let switchboard = json!({"id": 2, "name": "switchboard", "dissuasions": {"soundFiles": [], "queues": []}});
    assert_eq!(service.ask::<ListDissuasions>(json!({"id": 2})).await, Ok(switchboard));
    // Nor another queue to one that does not exist.
    service.ask::<DeleteQueue>(json!({"id": 2})).await.unwrap();
    let sales = service.ask::<ListDissuasions>(json!({"id": 1})).await.unwrap();
    assert_eq!(sales["dissuasions"]["queues"], json!([]));
    let service = Service::with_sounds(&folder, None, &["none"]).await;
    let none = json!({"id": 1, "name": "none", "dissuasions": {"soundFiles": [], "queues": []}});
    assert_eq!(service.ask::<ListDissuasions>(json!({"id": 1})).await, Ok(none));
}

#[tokio::test]
async fn a_change_of_the_directory_shows_within_a_second() {
    let folder = SoundsFolder::missing();
    let service = Service::with_sounds(&folder, None, &["sales"]).await;
    let second = Duration::from_secs(1);
    assert_eq!(service.sounds(1).await, [""; 0]);
    assert_eq!(service.set_sound_file(1, "sales_a").await, Err(file_not_found(1, "sales_a")));
    folder.create();
    folder.add("sales_a.wav");
    assert!(service.sounds_become(1, &["sales_a"]).await < second);
    folder.add("sales_b.wav");
    symlink("sales_b.wav", folder.path().join("sales_c.wav")).unwrap();
    symlink("nowhere.wav", folder.path().join("sales_d.wav")).unwrap();
    assert!(service.sounds_become(1, &["sales_a", "sales_b", "sales_c"]).await < second);
    folder.remove("sales_a.wav");
    assert!(service.sounds_become(1, &["sales_b", "sales_c"]).await < second);
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(service.sounds_become(1, &[]).await < second);
}

#[tokio::test]
async fn thousands_of_sound_files_that_change_all_the_time_slow_no_request() {
    let files: Vec<_> = (0..10_000).map(|number| format!("sales_{number:05}.wav")).collect();
    let folder = SoundsFolder::with(&files.iter().map(String::as_str).collect::<Vec<_>>());
    folder.add("support_a.wav");
    let service = Service::with_sounds(&folder, None, &["support"]).await;
    assert_eq!(service.sounds(1).await, ["support_a"]);
    // In the time of three listings, while files come and go, every request finds the one file that stays.
    let begin = Instant::now();
    let mut times = Vec::new();
    for file in files.iter().cycle() {
        folder.remove(file);
        let sent = Instant::now();
        assert_eq!(service.sounds(1).await, ["support_a"]);
        times.push(sent.elapsed());
        folder.add(file);
        if begin.elapsed() > Duration::from_millis(1500) {
            break;
        }
    }
    times.sort_unstable();
    let usual = times[times.len() / 2];
    assert!(usual < Duration::from_millis(50), "{usual:?} of {} requests", times.len());
}

#[tokio::test]
async fn no_queue_dissuades_to_itself_and_no_way_leads_round_in_a_circle() {
    let names: Vec<_> = (1..=12).map(|number| format!("q{number}")).collect();
    let service = Service::with_queues(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(service.set_target(1, "q1").await, Err(refused(1, "the queue 'q1' would dissuade to itself")));
    for id in 1..12 {
        service.set_target(id, &format!("q{}", id + 1)).await.unwrap();
    }
    for (id, target, circle) in [
        (2, "q1", "q2 -> q1 -> q2"),
        (4, "q1", "q4 -> q1 -> q2 -> q3 -> q4"),
        (12, "q1", "q12 -> q1 -> q2 -> q3 -> q4 -> q5 -> q6 -> q7 -> q8 -> q9 -> … -> q12"),
    ] {
        let reason = format!("callers would go round in a circle: {circle}");
        assert_eq!(service.set_target(id, target).await, Err(refused(id, &reason)));
    }
    assert_eq!(service.dissuasion(2).await, to_queue("q3"));
    assert_eq!(service.dissuasion(12).await, other());
    // Two ways may lead to one queue.
    assert_eq!(service.set_target(2, "q12").await, Ok(json!({"id": 2, "queueName": "q12"})));
    assert_eq!(service.set_target(4, "q1").await, Ok(json!({"id": 4, "queueName": "q1"})));
}

#[tokio::test]
async fn of_dissuasions_that_would_make_a_circle_together_one_at_least_is_refused() {
    for _ in 0..10 {
        let service = Service::with_queues(&["a", "b", "c"]).await;
        let set = [(1, "b"), (2, "c"), (3, "a")].map(|(id, target)| service.set_target(id, target));
        let answers = join_all(set).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "{answers:?}");
        let error = answers.into_iter().find_map(Result::err).unwrap();
        assert_eq!(error.status, Status::Invalid, "{error:?}");
    }
}

#[tokio::test]
async fn first_dissuasions_of_one_queue_at_the_same_moment_are_all_set_and_one_stays() {
    let service = Service::with_queues(&["a", "b", "c", "d", "e"]).await;
    let answers = join_all(["b", "c", "d", "e"].map(|target| service.set_target(1, target))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let (version, _) = service.versioned::<GetDissuasion>(json!({"id": 1}), None).await.unwrap();
    assert_eq!(version, Some(4));
}

#[tokio::test]
async fn a_dissuasion_whose_target_is_deleted_becomes_other_with_its_event() {
    let service = Service::with_queues(&["sales", "support", "switchboard"]).await;
    service.set_target(1, "support").await.unwrap();
    service.set_target(3, "support").await.unwrap();
    service.set_target(2, "sales").await.unwrap_err();
    service.ask::<DeleteQueue>(json!({"id": 2})).await.unwrap();
    assert_eq!((service.dissuasion(1).await, service.dissuasion(3).await), (other(), other()));
    let state = |queue: i32, name: &str, value: Value| json!({"queueId": queue, name: value});
    let mut changes = service.changes_of("dissuasion").await;
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        changes,
        [
            ("dissuasion 1 created".to_owned(), state(1, "targetQueueId", json!(2))),
            ("dissuasion 1 updated".to_owned(), state(1, "deletedQueueName", json!("support"))),
            ("dissuasion 3 created".to_owned(), state(3, "targetQueueId", json!(2))),
            ("dissuasion 3 updated".to_owned(), state(3, "deletedQueueName", json!("support"))),
        ]
    );
    // A queue of the same name is another one.
    service.ask::<CreateQueue>(json!({"name": "support"})).await.unwrap();
    assert_eq!(service.dissuasion(1).await, other());
    assert_eq!(service.set_target(1, "support").await, Ok(json!({"id": 1, "queueName": "support"})));
}

#[tokio::test]
async fn a_deleted_queue_takes_its_dissuasion_along() {
    let service = Service::with_queues(&["sales", "support"]).await;
    service.set_target(1, "support").await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 1})).await.unwrap();
    assert_eq!(service.changes_of("dissuasion").await[1..], [("dissuasion 1 deleted".to_owned(), Value::Null)]);
}

#[tokio::test]
async fn no_dissuasion_keeps_a_target_that_is_deleted_while_it_is_set() {
    let service = Service::with_queues(&["sales", "a", "b", "c", "d", "e"]).await;
    for (id, name) in (2..).zip(["a", "b", "c", "d", "e"]) {
        let (set, deleted) = tokio::join!(service.set_target(1, name), service.ask::<DeleteQueue>(json!({"id": id})));
        let message = format!("updateQueueDissuasion on queue 1: could not find the queue '{name}'");
        assert!(set.is_ok() || set == Err(queue_not_found(&message)), "{set:?}");
        assert_eq!(deleted, Ok(Value::Null));
        assert_eq!(service.dissuasion(1).await, other());
    }
}

#[tokio::test]
async fn a_renamed_queue_stays_the_target_under_its_new_name() {
    let service = Service::with_queues(&["sales", "support"]).await;
    service.set_target(1, "support").await.unwrap();
    service.ask::<ReplaceQueue>(json!({"id": 2, "fields": {"name": "help"}})).await.unwrap();
    assert_eq!(service.dissuasion(1).await, to_queue("help"));
}

#[tokio::test]
async fn a_dissuasion_of_another_version_than_expected_stays_as_it_is() {
    let service = Service::with_queues(&["sales", "a", "b"]).await;
    let set = async |target: &str, expected| {
        let request = json!({"id": 1, "to": {"queueName": target}});
        service.versioned::<SetTarget>(request, Some(expected)).await.map(|(version, _)| version)
    };
    let refused = |message| Err(fault(Status::PreconditionFailed, "PreconditionFailed", message));
    assert_eq!(set("a", Expected::Existing).await, refused("there is no such object yet"));
    service.set_target(1, "a").await.unwrap();
    assert_eq!(set("b", Expected::OneOf(vec![1])).await, Ok(Some(2)));
    assert_eq!(set("a", Expected::OneOf(vec![1])).await, refused("the object has version 2"));
    assert_eq!(service.dissuasion(1).await, to_queue("b"));
}

#[tokio::test]
async fn the_way_of_a_caller_is_told_hop_by_hop_with_what_is_wrong_on_it() {
    let folder = SoundsFolder::with(&["support_closed.wav"]);
    let service = Service::with_sounds(&folder, None, &["sales", "night", "support", "alone", "gone"]).await;
    service.set_target(1, "night").await.unwrap();
    service.set_target(2, "support").await.unwrap();
    service.set_sound_file(3, "support_closed").await.unwrap();
    let hop = |id: i32, name: &str, dissuasion: Value| json!({"id": id, "name": name, "dissuasion": dissuasion});
    let hops = [
        hop(1, "sales", to_queue("night")),
        hop(2, "night", to_queue("support")),
        hop(3, "support", to_sound("support_closed")),
    ];
    let explain = async |id: i32| service.ask::<ExplainDissuasion>(json!({"id": id})).await;
    assert_eq!(explain(1).await, Ok(json!({"id": 1, "name": "sales", "hops": hops})));

    let remedy = |id: i32| {
        format!("give the queue a dissuasion: PUT 1.0/queue/{id}/dissuasion/sound_file or …/dissuasion/queue")
    };
    let with_problem = |mut hop: Value, reason: &str, remedy: &str| {
        hop["problem"] = json!({"reason": reason, "remedy": remedy});
        hop
    };
    folder.remove("support_closed.wav");
    service.sounds_become(3, &[]).await;
    let missing = with_problem(
        hops[2].clone(),
        "the sound file 'support_closed' of the dissuasion of queue 'support' is missing",
        &format!("put 'support_closed' into the directory of the sound files, or {}", remedy(3)),
    );
    let way = json!([hops[0], hops[1], missing]);
    assert_eq!(explain(1).await, Ok(json!({"id": 1, "name": "sales", "hops": way})));

    service.set_target(4, "gone").await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 5})).await.unwrap();
    let deleted = with_problem(
        hop(4, "alone", other()),
        "the queue 'gone', which queue 'alone' dissuaded to, was deleted",
        &remedy(4),
    );
    assert_eq!(explain(4).await, Ok(json!({"id": 4, "name": "alone", "hops": [deleted]})));
    assert_eq!(explain(9).await, Err(fault(Status::NotFound, "QueueNotFound", "Queue 9 not found")));
}

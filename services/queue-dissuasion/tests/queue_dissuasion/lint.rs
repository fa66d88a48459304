use configmgt_contract::{
    lint::{Finding, ListFindings},
    queues::{CreateQueue, DeleteQueue, ReplaceQueue},
};
use serde_json::json;

use crate::{Service, agents::agent, sounds_folder::SoundsFolder};

impl Service {
    async fn findings(&self) -> Vec<Finding> {
        let listed = self.ask::<ListFindings>(json!({})).await.unwrap();
        serde_json::from_value(listed).unwrap()
    }
}

fn finding(object_type: &str, object_id: &str, reason: &str, remedy: &str) -> Finding {
    let [object_type, object_id, reason, remedy] = [object_type, object_id, reason, remedy].map(str::to_owned);
    Finding { object_type, object_id, reason, remedy }
}

fn another(queue: i32) -> String {
    format!("give the queue a dissuasion: PUT 1.0/queue/{queue}/dissuasion/sound_file or …/dissuasion/queue")
}

#[tokio::test]
async fn a_configuration_that_hurts_nobody_has_no_findings() {
    let folder = SoundsFolder::with(&["sales_a.wav", "support_b.wav"]);
    let service = Service::with_sounds(&folder, Some("sales"), &["sales", "support"]).await;
    service.set_sound_file(1, "sales_a").await.unwrap();
    service.set_target(2, "sales").await.unwrap();
    service.create_agent(agent("1001", json!({"queues": [{"queueId": 1}]}))).await.unwrap();
    assert_eq!(service.findings().await, []);
}

#[tokio::test]
async fn dissuasions_to_nothing_idle_agents_unusable_files_and_an_unknown_default_queue_are_found() {
    let folder = SoundsFolder::with(&["sales_a.wav", "sale_b.wav", "sales", "a_b_c.wav", "_d.wav"]);
    let service =
        Service::with_sounds(&folder, Some("switchboard"), &["sales", "support", "none", "gone", "a_b", "chain"]).await;
    service.set_sound_file(1, "sales_a").await.unwrap();
    service.set_target(2, "gone").await.unwrap();
    service.set_sound_file(5, "a_b_c").await.unwrap();
    service.set_target(6, "none").await.unwrap();
    service.ask::<DeleteQueue>(json!({"id": 4})).await.unwrap();
    service.create_agent(agent("1001", json!({"queues": [{"queueId": 1}]}))).await.unwrap();
    service.create_agent(agent("1002", json!({}))).await.unwrap();
    folder.remove("sales_a.wav");
    service.sounds_become(1, &[]).await;
    let unusable = |name: &str| {
        let reason =
            format!("no queue can use the sound file '{name}': its name does not begin with a queue's name and _");
        finding("sound_file", name, &reason, "rename the file, or delete it")
    };
    let expected = [
        finding(
            "queue",
            "1",
            "the sound file 'sales_a' of the dissuasion of queue 'sales' is missing",
            &format!("put 'sales_a' into the directory of the sound files, or {}", another(1)),
        ),
        finding("queue", "2", "the queue 'gone', which queue 'support' dissuaded to, was deleted", &another(2)),
        finding("queue", "3", "queue 'none' has no dissuasion: callers whom no agent answers get nothing", &another(3)),
        finding(
            "agent",
            "2",
            "agent 1002 is in no queue: no caller ever reaches it",
            "give the agent queues, or delete it: PUT or DELETE 2.0/agents/2",
        ),
        unusable("_d"),
        unusable("sale_b"),
        unusable("sales"),
        finding(
            "setting",
            "DEFAULT_DISSUASION_QUEUE",
            "there is no queue 'switchboard', which all other queues are to be offered as their dissuasion",
            "create the queue, or change the setting and start the queue-dissuasion service again",
        ),
    ];
    assert_eq!(service.findings().await, expected);
}

#[tokio::test]
async fn a_sound_file_that_a_renamed_queue_still_has_is_of_use() {
    let folder = SoundsFolder::with(&["sales_a.wav"]);
    let service = Service::with_sounds(&folder, None, &["sales"]).await;
    service.set_sound_file(1, "sales_a").await.unwrap();
    service.ask::<ReplaceQueue>(json!({"id": 1, "fields": {"name": "shop"}})).await.unwrap();
    assert_eq!(service.findings().await, []);
}

#[tokio::test]
async fn findings_are_found_however_many_they_are() {
    let files: Vec<_> = (0..1200).map(|number| format!("q{number}_a")).collect();
    let folder = SoundsFolder::with(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let service = Service::with_sounds(&folder, None, &[]).await;
    service.run("INSERT INTO queue (name, display_name) SELECT 'p' || i, 'P' FROM generate_series(1, 1500) i").await;
    service
        .run("INSERT INTO agent (firstname, number, context) SELECT 'A', i::text, 'default' FROM generate_series(1, 1500) i")
        .await;
    let findings = service.findings().await;
    let of = |object_type: &str| findings.iter().filter(|finding| finding.object_type == object_type).count();
    assert_eq!((of("queue"), of("agent"), of("sound_file"), findings.len()), (1500, 1500, 1200, 4200));
    service.ask::<CreateQueue>(json!({"name": "q7"})).await.unwrap();
    let lost = service.findings().await;
    assert!(!lost.iter().any(|finding| finding.object_id == "q7_a"));
    assert_eq!(lost.len(), 4200);
}

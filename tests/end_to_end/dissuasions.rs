use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    observed::assert_complete_of,
    running::{Exchange, Running},
};

/// A folder with sound files. It disappears with this value.
struct SoundsFolder(PathBuf);

impl SoundsFolder {
    fn with(files: &[&str]) -> Self {
        let path = env::temp_dir().join(format!("configmgt-sounds-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap();
        for file in files {
            fs::write(path.join(file), "").unwrap();
        }
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SoundsFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A product with these sound files, the default queue `switchboard`, and the queue `sales` with the id 3, as in the documents.
async fn documented(folder: &SoundsFolder) -> Running {
    let settings = [("SOUNDS_DIR", folder.path().to_str().unwrap()), ("DEFAULT_DISSUASION_QUEUE", "switchboard")];
    let running = Running::with_settings(&settings).await;
    for name in ["switchboard", "support", "sales", "sales_queue"] {
        let (status, queue) = running.ask("POST", "2.0/queues", Some(json!({"name": name}))).await;
        assert_eq!(status, 201, "{queue}");
    }
    running
}

fn not_found(code: &str, message: &str) -> Value {
    json!({"error": code, "message": message})
}

#[tokio::test]
async fn the_documented_requests_are_answered_as_documented() {
    let folder = SoundsFolder::with(&["sales_audio_file.wav", "sales_audio_file_2", "sales_newSoundFile.wav"]);
    fs::remove_file(folder.path().join("sales_newSoundFile.wav")).unwrap();
    let running = documented(&folder).await;
    let sales = |dissuasion: Value| json!({"id": 3, "name": "sales", "dissuasion": dissuasion});
    let available = json!({
        "id": 3,
        "name": "sales",
        "dissuasions": {
            "soundFiles": [{"soundFile": "sales_audio_file"}, {"soundFile": "sales_audio_file_2"}],
            "queues": [{"queueName": "switchboard"}],
        },
    });
    let sound = json!({"type": "soundFile", "value": {"soundFile": "sales_audio_file"}});
    let support = json!({"type": "queue", "value": {"queueName": "support"}});
    let file = |name: &str| Some(json!({"soundFile": name}));
    let queue = |name: &str| Some(json!({"queueName": name}));
    running
        .answers([
            Exchange("GET", "1.0/queue/3/dissuasion", None, 200, sales(json!({"type": "other"}))),
            Exchange("GET", "1.0/queue/3/dissuasions", None, 200, available),
            Exchange(
                "PUT",
                "1.0/queue/3/dissuasion/sound_file",
                file("sales_audio_file"),
                200,
                json!({"id": 3, "soundFile": "sales_audio_file"}),
            ),
            Exchange("GET", "1.0/queue/3/dissuasion", None, 200, sales(sound)),
            Exchange(
                "PUT",
                "1.0/queue/3/dissuasion/queue",
                queue("support"),
                200,
                json!({"id": 3, "queueName": "support"}),
            ),
            Exchange("GET", "1.0/queue/3/dissuasion", None, 200, sales(support)),
            Exchange(
                "PUT",
                "1.0/queue/3/dissuasion/sound_file",
                file("sales_newSoundFile"),
                404,
                not_found(
                    "FileNotFound",
                    "Unable to perform updateQueueDissuasion on queue 3 with file sales_newSoundFile - FileNotFound",
                ),
            ),
            Exchange(
                "PUT",
                "1.0/queue/3/dissuasion/queue",
                queue("sales_queue_2"),
                404,
                not_found(
                    "QueueNotFound",
                    "Unable to perform updateQueueDissuasion on queue 3: could not find the queue 'sales_queue_2' - QueueNotFound",
                ),
            ),
            Exchange(
                "PUT",
                "1.0/queue/2/dissuasion/queue",
                queue("sales"),
                400,
                not_found(
                    "BadRequest",
                    "Unable to perform updateQueueDissuasion on queue 2: callers would go round in a circle: support -> sales -> support",
                ),
            ),
        ])
        .await;
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_not_found_in_the_documented_words() {
    let folder = SoundsFolder::with(&["sales_audio_file.wav"]);
    let settings = [("SOUNDS_DIR", folder.path().to_str().unwrap())];
    let running = Running::with_settings(&settings).await;
    let unable =
        |doing: &str| not_found("QueueNotFound", &format!("Unable to perform {doing} on queue 3 - QueueNotFound"));
    let file = json!({"soundFile": "sales_audio_file"});
    let queue = json!({"queueName": "sales_queue"});
    running
        .answers([
            Exchange("GET", "1.0/queue/3/dissuasion", None, 404, unable("getQueueDissusasion")),
            Exchange("GET", "1.0/queue/3/dissuasions", None, 404, unable("getQueueDissusasionList")),
            Exchange("PUT", "1.0/queue/3/dissuasion/sound_file", Some(file), 404, unable("updateQueueDissuasion")),
            Exchange("PUT", "1.0/queue/3/dissuasion/queue", Some(queue), 404, unable("updateQueueDissuasion")),
            Exchange(
                "GET",
                "2.0/queues/3/dissuasion/explain",
                None,
                404,
                not_found("QueueNotFound", "Queue 3 not found"),
            ),
        ])
        .await;
    for (body, field) in [(json!({}), "soundFile"), (json!({"soundFile": 7}), "soundFile"), (json!([]), "")] {
        let (status, answer) = running.ask("PUT", "1.0/queue/3/dissuasion/sound_file", Some(body)).await;
        assert_eq!((status, &answer["error"]), (400, &json!("BadRequest")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(field), "{answer}");
    }
}

#[tokio::test]
async fn a_deleted_target_makes_the_dissuasion_other_and_lint_and_explanation_tell() {
    let folder = SoundsFolder::with(&[]);
    let running = documented(&folder).await;
    let support = json!({"queueName": "support"});
    running.ask("PUT", "1.0/queue/3/dissuasion/queue", Some(support)).await;
    assert_eq!(running.ask("DELETE", "2.0/queues/2", None).await.0, 204);
    let reason = "the queue 'support', which queue 'sales' dissuaded to, was deleted";
    let remedy = "give the queue a dissuasion: PUT 1.0/queue/3/dissuasion/sound_file or …/dissuasion/queue";
    let problem = json!({"reason": reason, "remedy": remedy});
    let other = json!({"type": "other"});
    let hop = json!({"id": 3, "name": "sales", "dissuasion": other, "problem": problem});
    running
        .answers([
            Exchange(
                "GET",
                "1.0/queue/3/dissuasion",
                None,
                200,
                json!({"id": 3, "name": "sales", "dissuasion": other}),
            ),
            Exchange(
                "GET",
                "2.0/queues/3/dissuasion/explain",
                None,
                200,
                json!({"id": 3, "name": "sales", "hops": [hop]}),
            ),
        ])
        .await;
    let (status, findings) = running.ask("GET", "2.0/lint", None).await;
    let finding = json!({"objectType": "queue", "objectId": "3", "reason": reason, "remedy": remedy});
    assert_eq!(status, 200);
    assert!(findings.as_array().unwrap().contains(&finding), "{findings}");
    let (_, history) = running.ask("GET", "2.0/changes?objectType=dissuasion", None).await;
    assert_eq!(history["list"][0]["after"], json!({"queueId": 3, "deletedQueueName": "support"}));
    assert_eq!(assert_complete_of(&running, "queue-dissuasion").await, 7);
}

#[tokio::test]
async fn a_lint_to_which_a_service_adds_nothing_because_it_is_away_is_none() {
    let running = Running::start().await;
    let (status, findings) = running.ask("GET", "2.0/lint", None).await;
    assert_eq!((status, findings), (200, json!([])));
    running.service("meetingroom").kill().unwrap();
    let (status, answer) = running.ask("GET", "2.0/lint", None).await;
    assert_eq!((status, &answer["error"]), (503, &json!("ServiceUnavailable")));
}

//! Dissuasions: where callers go whom no agent of a queue answers (its "Fail" case). Owned by the `queue-dissuasion` service.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Example, Versioned, events::Object, queues::SERVICE, refusals, service};

service! {
    /// The dissuasions of queues.
    pub trait Dissuasions("queue-dissuasion", "dissuasions") refuses DissuasionRefusal {
        /// Get the dissuasion for a queue
        ///
        /// Answers the sound file or the queue that the queue dissuades to; `other` where it is neither.
        read fn get(GetDissuasion) -> Versioned<QueueDissuasion>, refuses NotGot;

        /// Get all the sound files dissuasion for a queue
        ///
        /// Answers the dissuasions available for the queue: the sound files whose names begin with its name and `_`, and the default
        /// queue.
        read fn list(ListDissuasions) -> AvailableDissuasions, refuses NotListed;

        /// Set the dissuasion sound file for a given queue
        ///
        /// Takes the name of a file that is available for the queue, without its extension.
        write fn set_sound_file(SetSoundFile) -> Versioned<SoundFileOfQueue>, refuses NotUpdated | FileNotFound;

        /// For a given queue, set the queue to redirect calls to in case of dissuasion
        ///
        /// A queue cannot dissuade to itself, neither directly nor over others.
        write fn set_queue(SetTarget) -> Versioned<TargetOfQueue>, refuses NotUpdated | TargetNotFound | RoundInACircle;

        /// Explain the dissuasion of a queue
        ///
        /// Answers the way of a caller whom nobody answers, from this queue on, hop by hop, with what is wrong on it.
        read fn explain(ExplainDissuasion) -> Explanation, refuses NotFound;
    }
}

refusals! {
    /// What the dissuasions' rules say no with.
    pub enum DissuasionRefusal {
        NotGot { id: i32 } => NotFound, "QueueNotFound", "Unable to perform getQueueDissusasion on queue {id} - QueueNotFound";
        NotListed { id: i32 } => NotFound, "QueueNotFound", "Unable to perform getQueueDissusasionList on queue {id} - QueueNotFound";
        NotUpdated { id: i32 } => NotFound, "QueueNotFound", "Unable to perform updateQueueDissuasion on queue {id} - QueueNotFound";
        FileNotFound { id: i32, sound_file: String } => NotFound, "FileNotFound", "Unable to perform updateQueueDissuasion on queue {id} with file {sound_file} - FileNotFound";
        TargetNotFound { id: i32, queue_name: String } => NotFound, "QueueNotFound", "Unable to perform updateQueueDissuasion on queue {id}: could not find the queue '{queue_name}' - QueueNotFound";
        RoundInACircle { id: i32, reason: String } => Invalid, "BadRequest", "Unable to perform updateQueueDissuasion on queue {id}: {reason}";
        NotFound { id: i32 } => NotFound, "QueueNotFound", "Queue {id} not found";
    }
}

/// Where a queue dissuades to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "value", rename_all = "camelCase")]
pub enum Dissuasion {
    SoundFile(SoundFile),
    Queue(TargetQueue),
    /// Neither a sound file nor a queue.
    Other,
}

/// A sound file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SoundFile {
    /// Its name without the extension.
    pub sound_file: String,
}

/// A queue that others dissuade to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetQueue {
    pub queue_name: String,
}

/// A queue with its dissuasion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueDissuasion {
    pub id: i32,
    pub name: String,
    pub dissuasion: Dissuasion,
}

/// A queue with the dissuasions that it can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AvailableDissuasions {
    pub id: i32,
    pub name: String,
    pub dissuasions: Available,
}

/// Dissuasions that a queue can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Available {
    /// Ordered by name.
    pub sound_files: Vec<SoundFile>,
    /// The default queue, where the configuration names one.
    pub queues: Vec<TargetQueue>,
}

/// The sound file that a queue was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SoundFileOfQueue {
    pub id: i32,
    pub sound_file: String,
}

/// The queue that a queue was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetOfQueue {
    pub id: i32,
    pub queue_name: String,
}

/// The way of a caller whom nobody answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    pub id: i32,
    pub name: String,
    /// The queues that the caller comes through, this one first. The dissuasion of the last one is where the way ends.
    pub hops: Vec<Hop>,
}

/// A queue on a caller's way, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hop {
    pub id: i32,
    pub name: String,
    pub dissuasion: Dissuasion,
    /// What is wrong here; left out where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// What is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub reason: String,
    pub remedy: String,
}

/// A dissuasion as events and history show it. One without any of the three would be `other`; so is one whose queue was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DissuasionState {
    /// The queue that it is of.
    pub queue_id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound_file: Option<String>,
    /// The id of the queue that is dissuaded to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_queue_id: Option<i32>,
    /// The name of the queue that was dissuaded to until it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_queue_name: Option<String>,
}

impl Object for DissuasionState {
    const SERVICE: &'static str = SERVICE;
    const NAME: &'static str = "dissuasion";
}

/// Asks for a queue's dissuasion.
#[derive(Debug, Serialize, Deserialize)]
pub struct GetDissuasion {
    pub id: i32,
}

/// Asks for the dissuasions that a queue can be given.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListDissuasions {
    pub id: i32,
}

/// Makes a queue dissuade to a sound file.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetSoundFile {
    pub id: i32,
    pub to: SoundFile,
}

/// Makes a queue dissuade to a queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetTarget {
    pub id: i32,
    pub to: TargetQueue,
}

/// Asks for the way of a caller whom nobody answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExplainDissuasion {
    pub id: i32,
}

impl Example for SoundFile {
    fn example() -> Self {
        Self { sound_file: "sales_audio_file".to_owned() }
    }
}

impl Example for TargetQueue {
    fn example() -> Self {
        Self { queue_name: "support".to_owned() }
    }
}

impl Example for QueueDissuasion {
    fn example() -> Self {
        Self { id: 3, name: "sales".to_owned(), dissuasion: Dissuasion::SoundFile(SoundFile::example()) }
    }
}

impl Example for AvailableDissuasions {
    fn example() -> Self {
        let file = |name: &str| SoundFile { sound_file: name.to_owned() };
        let dissuasions = Available {
            sound_files: vec![file("sales_audio_file"), file("sales_audio_file_2")],
            queues: vec![TargetQueue { queue_name: "switchboard".to_owned() }],
        };
        Self { id: 3, name: "sales".to_owned(), dissuasions }
    }
}

impl Example for SoundFileOfQueue {
    fn example() -> Self {
        Self { id: 3, sound_file: "sales_newSoundFile".to_owned() }
    }
}

impl Example for TargetOfQueue {
    fn example() -> Self {
        Self { id: 3, queue_name: "sales_queue".to_owned() }
    }
}

impl Example for Explanation {
    fn example() -> Self {
        let sales = Hop {
            id: 3,
            name: "sales".to_owned(),
            dissuasion: Dissuasion::Queue(TargetQueue::example()),
            problem: None,
        };
        let support = Hop {
            id: 5,
            name: "support".to_owned(),
            dissuasion: Dissuasion::SoundFile(SoundFile { sound_file: "support_closed".to_owned() }),
            problem: Some(Problem {
                reason: "the sound file 'support_closed' of the dissuasion of queue 'support' is missing".to_owned(),
                remedy: "put 'support_closed' into the directory of the sound files, or give the queue a dissuasion: \
                         PUT 1.0/queue/5/dissuasion/sound_file or …/dissuasion/queue"
                    .to_owned(),
            }),
        };
        Self { id: 3, name: "sales".to_owned(), hops: vec![sales, support] }
    }
}

impl Example for DissuasionState {
    fn example() -> Self {
        Self { queue_id: 3, sound_file: None, target_queue_id: Some(5), deleted_queue_name: None }
    }
}

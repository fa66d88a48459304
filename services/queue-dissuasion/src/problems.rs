//! What in a configuration will hurt at call time, and how it is mended: the texts of lint and explanations.

use configmgt_contract::{dissuasions::Problem, lint::Finding};

use crate::{sounds::Listing, store::dissuasions::QueueRow};

/// What is wrong with a queue's dissuasion, if anything is.
pub(crate) fn of_dissuasion(queue: &QueueRow, sounds: &Listing) -> Option<Problem> {
    let QueueRow { id, name, sound_file, target, deleted_target, .. } = queue;
    let reason = match (sound_file, target, deleted_target) {
        (Some(sound_file), ..) if sounds.contains(sound_file) => return None,
        (Some(sound_file), ..) => {
            return Some(Problem {
                reason: format!("the sound file '{sound_file}' of the dissuasion of queue '{name}' is missing"),
                remedy: format!("put '{sound_file}' into the directory of the sound files, or {}", another(*id)),
            });
        }
        (None, Some(_), _) => return None,
        (None, None, Some(deleted)) => format!("the queue '{deleted}', which queue '{name}' dissuaded to, was deleted"),
        (None, None, None) => {
            format!("queue '{name}' has no dissuasion: callers whom no agent answers get nothing")
        }
    };
    Some(Problem { reason, remedy: another(*id) })
}

fn another(queue_id: i32) -> String {
    format!("give the queue a dissuasion: PUT 1.0/queue/{queue_id}/dissuasion/sound_file or …/dissuasion/queue")
}

/// Of a queue whose dissuasion has this problem.
pub(crate) fn at_queue(id: i32, Problem { reason, remedy }: Problem) -> Finding {
    Finding { object_type: "queue".to_owned(), object_id: id.to_string(), reason, remedy }
}

pub(crate) fn agent_in_no_queue(id: i32, number: &str) -> Finding {
    Finding {
        object_type: "agent".to_owned(),
        object_id: id.to_string(),
        reason: format!("agent {number} is in no queue: no caller ever reaches it"),
        remedy: format!("give the agent queues, or delete it: PUT or DELETE 2.0/agents/{id}"),
    }
}

pub(crate) fn unusable_sound_file(name: String) -> Finding {
    let reason = format!("no queue can use the sound file '{name}': its name does not begin with a queue's name and _");
    let remedy = "rename the file, or delete it".to_owned();
    Finding { object_type: "sound_file".to_owned(), object_id: name, reason, remedy }
}

pub(crate) fn unknown_default_queue(name: &str) -> Finding {
    Finding {
        object_type: "setting".to_owned(),
        object_id: "DEFAULT_DISSUASION_QUEUE".to_owned(),
        reason: format!("there is no queue '{name}', which all other queues are to be offered as their dissuasion"),
        remedy: "create the queue, or change the setting and start the queue-dissuasion service again".to_owned(),
    }
}

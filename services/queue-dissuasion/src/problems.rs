//! What in a configuration will hurt at call time, and how it is mended.

use configmgt_contract::dissuasions::Problem;

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

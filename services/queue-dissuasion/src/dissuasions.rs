//! The rules of dissuasions.

use std::slice;

use configmgt_contract::{
    Call, Failure, Outcome, Versioned,
    dissuasions::{
        self as contract, Available, AvailableDissuasions, DissuasionRefusal, ExplainDissuasion, Explanation,
        GetDissuasion, Hop, ListDissuasions, SetSoundFile, SetTarget, SoundFile, SoundFileOfQueue, TargetOfQueue,
        TargetQueue,
    },
};
use configmgt_runtime::{
    journal::{Change, Journal},
    journaled,
    sqlstate::{self, broken_constraint},
    text,
};

use crate::{
    problems,
    sounds::Sounds,
    store::{
        dissuasions::{self as store, QueueRow},
        queues,
    },
};

pub(crate) struct Dissuasions {
    journal: Journal,
    by_id: store::DissuasionLookup,
    sounds: Sounds,
    /// The queue that every queue may dissuade to, where the configuration names one.
    default_queue: Option<String>,
}

impl Dissuasions {
    pub(crate) fn new(journal: Journal, sounds: Sounds, default_queue: Option<String>) -> Self {
        let by_id = store::lookup(journal.connections());
        Self { journal, by_id, sounds, default_queue }
    }

    /// What this queue is offered by the configuration: what it could be given, so neither itself nor a queue that does not exist.
    async fn offered(&self, queue: &str) -> sqlx::Result<Vec<TargetQueue>> {
        let Some(default) = self.default_queue.as_ref().filter(|default| *default != queue) else {
            return Ok(Vec::new());
        };
        let existing = queues::existing(self.journal.connections(), slice::from_ref(default)).await?;
        Ok(existing.into_iter().map(|queue_name| TargetQueue { queue_name }).collect())
    }
}

journaled!(Dissuasions);

impl contract::Dissuasions for Dissuasions {
    async fn get(&self, _: &Call, GetDissuasion { id }: GetDissuasion) -> Outcome<GetDissuasion> {
        let queue = self.by_id.get(id).await?.ok_or(DissuasionRefusal::NotGot { id })?;
        Ok(queue.into())
    }

    async fn list(&self, _: &Call, ListDissuasions { id }: ListDissuasions) -> Outcome<ListDissuasions> {
        let queue = self.by_id.get(id).await?.ok_or(DissuasionRefusal::NotListed { id })?;
        let sounds = self.sounds.latest().await;
        let sound_files = sounds.of_queue(&queue.name).iter().map(|name| SoundFile { sound_file: name.clone() });
        let dissuasions = Available { sound_files: sound_files.collect(), queues: self.offered(&queue.name).await? };
        Ok(AvailableDissuasions { id, name: queue.name, dissuasions })
    }

    async fn set_sound_file(
        &self,
        change: &mut Change,
        SetSoundFile { id, to }: SetSoundFile,
    ) -> Outcome<SetSoundFile> {
        let connection = change.connection();
        let name = store::lock_queue(connection, id).await?.ok_or(DissuasionRefusal::NotUpdated { id })?;
        let SoundFile { sound_file } = to;
        // What is stored was found in the listing, so nothing that looks like a path ever is.
        if !self.sounds.latest().await.of_queue(&name).contains(&sound_file) {
            return Err(DissuasionRefusal::FileNotFound { id, sound_file }.into());
        }
        let version = store::set_sound_file(connection, id, &sound_file).await?;
        Ok(Versioned { version, object: SoundFileOfQueue { id, sound_file } })
    }

    async fn set_queue(&self, change: &mut Change, SetTarget { id, to }: SetTarget) -> Outcome<SetTarget> {
        let connection = change.connection();
        store::lock_queue(connection, id).await?.ok_or(DissuasionRefusal::NotUpdated { id })?;
        let TargetQueue { queue_name } = to;
        // What can be no name of a queue need not be looked for.
        if text::fits(&queue_name, text::MAX).is_err() {
            return Err(DissuasionRefusal::TargetNotFound { id, queue_name }.into());
        }
        let version = store::set_target(connection, id, &queue_name).await;
        let version = version.map_err(|error| refused(error, id, &queue_name))?;
        Ok(Versioned { version, object: TargetOfQueue { id, queue_name } })
    }

    async fn explain(&self, _: &Call, ExplainDissuasion { id }: ExplainDissuasion) -> Outcome<ExplainDissuasion> {
        let way = store::way(self.journal.connections(), id).await?;
        let name = way.first().map(|queue| queue.name.clone()).ok_or(DissuasionRefusal::NotFound { id })?;
        let sounds = self.sounds.latest().await;
        let hop = |queue: QueueRow| {
            let (dissuasion, problem) = (queue.dissuasion(), problems::of_dissuasion(&queue, &sounds));
            Hop { id: queue.id, name: queue.name, dissuasion, problem }
        };
        Ok(Explanation { id, name, hops: way.into_iter().map(hop).collect() })
    }
}

/// Says what stands in the way of a queue as the target.
fn refused(error: sqlx::Error, id: i32, target: &str) -> Failure<DissuasionRefusal> {
    let refusal = match broken_constraint(&error) {
        // There is no such queue, or it was deleted meanwhile.
        Some("dissuasion_destination" | "dissuasion_target") => {
            DissuasionRefusal::TargetNotFound { id, queue_name: target.to_owned() }
        }
        Some("dissuasion_circle") => DissuasionRefusal::RoundInACircle { id, reason: sqlstate::message(&error) },
        _ => return error.into(),
    };
    refusal.into()
}

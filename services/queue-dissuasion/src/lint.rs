//! This service's share of the lint.

use std::{collections::HashSet, sync::Arc};

use configmgt_contract::{
    BoxError, Call, Listing, Outcome,
    lint::{self as contract, Finding, ListFindings},
};
use configmgt_runtime::{connections::Connections, journal::Journal, journaled, listing};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{
    problems,
    sounds::{self, Sounds},
    store::{
        agents::{self, IdleRow},
        dissuasions::{self, QueueRow},
        queues,
    },
};

/// How many sound files are looked at together.
const FILES: usize = 500;

type Batch = Result<Vec<Finding>, BoxError>;

pub(crate) struct Lint {
    journal: Journal,
    sounds: Sounds,
    default_queue: Option<String>,
}

impl Lint {
    pub(crate) const fn new(journal: Journal, sounds: Sounds, default_queue: Option<String>) -> Self {
        Self { journal, sounds, default_queue }
    }
}

journaled!(Lint);

impl contract::Lint for Lint {
    async fn list(&self, _: &Call, ListFindings {}: ListFindings) -> Outcome<ListFindings> {
        let connections = self.journal.connections();
        let sounds = self.sounds.latest().await;
        let findings = of_queues(connections, &sounds)
            .chain(of_agents(connections))
            .chain(of_sound_files(connections, sounds))
            .chain(of_settings(connections, self.default_queue.clone()));
        Ok(Listing::of_batches(findings))
    }
}

fn of_queues(connections: &Connections, sounds: &Arc<sounds::Listing>) -> impl Stream<Item = Batch> + use<> {
    let (connections, sounds) = (connections.clone(), Arc::clone(sounds));
    let read = move |after| dissuasions::above(connections.clone(), after);
    listing::batches(i32::MIN, |queue: &QueueRow| queue.id, read).map_ok(move |queues| {
        let problem_of = |queue: QueueRow| Some((queue.id, problems::of_dissuasion(&queue, &sounds)?));
        queues.into_iter().filter_map(problem_of).map(|(id, problem)| problems::at_queue(id, problem)).collect()
    })
}

fn of_agents(connections: &Connections) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    let read = move |after| agents::in_no_queue_above(connections.clone(), after);
    listing::batches(i32::MIN, |agent: &IdleRow| agent.id, read)
        .map_ok(|agents| agents.into_iter().map(|agent| problems::agent_in_no_queue(agent.id, &agent.number)).collect())
}

fn of_sound_files(connections: &Connections, sounds: Arc<sounds::Listing>) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    stream::try_unfold(0, move |from| {
        let (connections, sounds) = (connections.clone(), Arc::clone(&sounds));
        async move {
            let names: Vec<_> = sounds.names().iter().skip(from).take(FILES).cloned().collect();
            if names.is_empty() {
                return Ok(None);
            }
            let next = from + names.len();
            let candidates: Vec<_> = names.iter().flat_map(|name| owners(name)).map(str::to_owned).collect();
            let queues: HashSet<_> = queues::existing(&connections, &candidates).await?.into_iter().collect();
            // A queue keeps its sound file when it is renamed.
            let used: HashSet<_> = dissuasions::used_sound_files(&connections, &names).await?.into_iter().collect();
            let is_usable = |name: &String| used.contains(name) || owners(name).any(|owner| queues.contains(owner));
            let unusable = names.into_iter().filter(|name| !is_usable(name));
            Ok(Some((unusable.map(problems::unusable_sound_file).collect(), next)))
        }
    })
}

fn of_settings(connections: &Connections, default_queue: Option<String>) -> impl Stream<Item = Batch> + use<> {
    let connections = connections.clone();
    stream::once(async move {
        let Some(name) = default_queue else { return Ok(Vec::new()) };
        let known = queues::existing(&connections, std::slice::from_ref(&name)).await?;
        Ok(if known.is_empty() { vec![problems::unknown_default_queue(&name)] } else { Vec::new() })
    })
}

/// The names that a queue can have to which the sound file is available.
fn owners(sound_file: &str) -> impl Iterator<Item = &str> {
    sound_file.match_indices('_').map(|(end, _)| &sound_file[..end]).filter(|name| !name.is_empty())
}

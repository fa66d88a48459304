//! Figures of several rounds, and what follows from them.

use std::time::Duration;

use configmgt_contract::BoxError;

use crate::{
    cases::{Case, Chance, Subject},
    load::Outcome,
    stand::Stand,
};

/// What one subject did in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Microseconds of a processor for each answer, over all processes but the load generator.
    pub(crate) cpu: f64,
}

impl From<Outcome> for Figure {
    fn from(outcome: Outcome) -> Self {
        Self {
            rate: outcome.per_second(),
            p50: outcome.percentile(0.5),
            p99: outcome.percentile(0.99),
            cpu: outcome.usage.micros() / outcome.answers() as f64,
        }
    }
}

/// All rounds of a case.
pub(crate) struct Measured {
    pub(crate) case: Case,
    /// The figures of each subject, round by round.
    rounds: Vec<(Subject, Vec<Figure>)>,
}

impl Measured {
    pub(crate) fn new(case: Case) -> Self {
        let subjects = case.subjects();
        Self::of_subjects(case, subjects)
    }

    pub(crate) fn of_subjects(case: Case, subjects: &[Subject]) -> Self {
        Self { case, rounds: subjects.iter().map(|subject| (*subject, Vec::new())).collect() }
    }

    /// Measures every subject once more, one after another.
    pub(crate) async fn round(&mut self, stand: &Stand, chance: &Chance, duration: Duration) -> Result<(), BoxError> {
        for (subject, figures) in &mut self.rounds {
            figures.push(self.case.run(stand, *subject, chance, duration).await?.into());
        }
        Ok(())
    }

    pub(crate) fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.rounds.iter().map(|(subject, _)| *subject)
    }

    pub(crate) fn median(&self, subject: Subject, figure: impl Fn(&Figure) -> f64) -> f64 {
        median(self.of(subject).iter().map(figure).collect())
    }

    /// The product's figure against another one's of the same round: the median over the rounds.
    pub(crate) fn ratio(&self, to: Subject, figure: impl Fn(&Figure) -> f64) -> f64 {
        let rounds = self.of(Subject::Product).iter().zip(self.of(to));
        median(rounds.map(|(product, other)| figure(product) / figure(other)).collect())
    }

    fn of(&self, wanted: Subject) -> &[Figure] {
        self.rounds.iter().find(|(subject, _)| *subject == wanted).map_or(&[], |(_, figures)| figures)
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

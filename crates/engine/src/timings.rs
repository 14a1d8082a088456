use std::time::{Duration, Instant};

/// How long each stage of a request took. Stages follow one another, but for `png`, which runs beside the models.
#[derive(Clone, Debug, Default)]
pub struct Timings(Vec<(&'static str, Duration)>);

impl Timings {
    /// Runs `work` and books its duration under `stage`; a stage that runs twice is summed.
    pub fn measure<T>(&mut self, stage: &'static str, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let value = work();
        self.add(stage, began.elapsed());
        value
    }

    /// Books `duration` under `stage`.
    pub fn add(&mut self, stage: &'static str, duration: Duration) {
        match self.0.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, total)) => *total += duration,
            None => self.0.push((stage, duration)),
        }
    }

    /// Books every stage of `later` after those already here.
    pub fn extend(&mut self, later: &Timings) {
        for (stage, duration) in later.iter() {
            self.add(stage, duration);
        }
    }

    /// The stages and their durations.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> + '_ {
        self.0.iter().copied()
    }
}

//! Whether a request can be answered in its time, by what models have been asked and how long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indexmap::IndexMap;
use thiserror::Error;

use crate::model::Model;
use crate::plan::Work;
use crate::runner::Runner;

/// Inputs that one model may have been asked and not have answered: more would only wait.
const MOST_INPUTS: u64 = 4096;

/// What a model has been asked and has not answered, and how long it takes.
#[derive(Debug, Default)]
pub(crate) struct Load {
    inputs: AtomicU64,
    units: AtomicU64,
    /// Of one unit, in nanoseconds; 0 until the model has answered once.
    unit_time: AtomicU64,
}

/// A model's work that has been promised to a request, until it is done or the request ends.
#[derive(Debug)]
pub(crate) struct Promise {
    runner: Arc<Runner>,
    inputs: u64,
    units: u64,
}

/// A request that would have to wait too long.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the server is busy: the answer would take about {} s, and may take {} s", .expected.as_secs_f64().ceil(), .allowed.as_secs())]
pub struct Overloaded {
    /// How long the answer would take.
    pub expected: Duration,
    /// How long it may take.
    pub allowed: Duration,
}

impl Overloaded {
    /// When it is worth to ask again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        let excess = self.expected.saturating_sub(self.allowed);
        excess.max(Duration::from_secs(1))
    }
}

impl Load {
    /// Learns from `units` that took `time` together. Recent times count most.
    pub(crate) fn observe(&self, units: u64, time: Duration) {
        let seen = time.as_nanos() as u64 / units.max(1);
        // Two batches at once cannot be: a model has one runner.
        let before = self.unit_time.load(Ordering::Relaxed);
        let now = if before == 0 {
            seen
        } else {
            (before * 7 + seen) / 8
        };
        self.unit_time.store(now.max(1), Ordering::Relaxed);
    }

    /// How long what is there takes.
    pub(crate) fn backlog(&self) -> Duration {
        self.time(0)
    }

    /// How long `more` units take behind those that are there already, if the model has the machine for itself.
    fn time(&self, more: u64) -> Duration {
        let units = self.units.load(Ordering::Relaxed) + more;
        Duration::from_nanos(units.saturating_mul(self.unit_time.load(Ordering::Relaxed)))
    }
}

/// Promises a request its `work`, or says that it would take longer than `allowed`. `runners` are all of the machine's.
pub(crate) fn admit(
    runners: &IndexMap<Model, Arc<Runner>>,
    work: &IndexMap<Model, Work>,
    allowed: Option<Duration>,
) -> Result<Vec<(Model, Promise)>, Overloaded> {
    let expected = expected(runners, work);
    let allowed = allowed.unwrap_or(Duration::MAX);
    let full = work.iter().any(|(model, work)| {
        let queued = |runner: &Arc<Runner>| runner.load.inputs.load(Ordering::Relaxed);
        let queued = runners.get(model).map_or(0, queued);
        queued > 0 && queued + work.inputs > MOST_INPUTS
    });
    if expected > allowed || full {
        return Err(Overloaded { expected, allowed });
    }
    let promises = work.iter().filter_map(|(model, work)| {
        let runner = Arc::clone(runners.get(model)?);
        runner.load.inputs.fetch_add(work.inputs, Ordering::Relaxed);
        runner.load.units.fetch_add(work.units, Ordering::Relaxed);
        let Work { inputs, units } = *work;
        let promise = Promise {
            runner,
            inputs,
            units,
        };
        Some((*model, promise))
    });
    Ok(promises.collect())
}

/// When the last of the models is done. They share the machine equally, so that until one is done each of the others has taken
/// as much of it, or all that it needed.
fn expected(runners: &IndexMap<Model, Arc<Runner>>, work: &IndexMap<Model, Work>) -> Duration {
    let times = runners.iter().map(|(model, runner)| {
        let more = work.get(model).map_or(0, |work| work.units);
        (more > 0, runner.load.time(more))
    });
    let times: Vec<_> = times.collect();
    let needed = times.iter().filter(|(needed, _)| *needed);
    let ends = needed.map(|(_, own)| times.iter().map(|(_, other)| *own.min(other)).sum());
    ends.max().unwrap_or_default()
}

impl Promise {
    /// A part of it is done.
    pub(crate) fn fulfil(&mut self, inputs: u64, units: u64) {
        let (inputs, units) = (inputs.min(self.inputs), units.min(self.units));
        self.inputs -= inputs;
        self.units -= units;
        self.runner.load.inputs.fetch_sub(inputs, Ordering::Relaxed);
        self.runner.load.units.fetch_sub(units, Ordering::Relaxed);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.fulfil(self.inputs, self.units);
    }
}

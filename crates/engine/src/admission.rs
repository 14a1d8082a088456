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
pub(crate) struct Workload {
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
pub enum Overloaded {
    /// It would not be answered in its time.
    #[error("the server is busy: the answer would take about {:.1} s, and may take {:.1} s", .expected.as_secs_f64(), .allowed.as_secs_f64())]
    Late {
        /// How long the answer would take.
        expected: Duration,
        /// How long it may take.
        allowed: Duration,
    },
    /// A model that it needs has been asked too much already.
    #[error(
        "the server is busy: {model} has been asked for {inputs} answers, and takes no more than {MOST_INPUTS}"
    )]
    Full {
        /// The model.
        model: Model,
        /// What it has not answered yet.
        inputs: u64,
        /// How long that takes.
        backlog: Duration,
    },
}

impl Overloaded {
    /// When it is worth to ask again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        let wait = match self {
            Self::Late { expected, allowed } => expected.saturating_sub(*allowed),
            Self::Full { backlog, .. } => *backlog / 2,
        };
        wait.max(Duration::from_secs(1))
    }
}

impl Workload {
    /// Learns from `units` that took `time` together; from none it learns nothing. Recent times count most.
    pub(crate) fn observe(&self, units: u64, time: Duration) {
        let Some(seen) = (time.as_nanos() as u64).checked_div(units) else {
            return;
        };
        // Two batches at once cannot be: a model has one runner.
        let before = self.unit_time.load(Ordering::Relaxed);
        let now = if before == 0 {
            seen
        } else {
            (before * 7 + seen) / 8
        };
        self.unit_time.store(now.max(1), Ordering::Relaxed);
    }

    fn add(&self, inputs: u64, units: u64) {
        self.inputs.fetch_add(inputs, Ordering::Relaxed);
        self.units.fetch_add(units, Ordering::Relaxed);
    }

    fn remove(&self, inputs: u64, units: u64) {
        self.inputs.fetch_sub(inputs, Ordering::Relaxed);
        self.units.fetch_sub(units, Ordering::Relaxed);
    }

    /// How long what is there takes.
    pub(crate) fn backlog(&self) -> Duration {
        self.time(0)
    }

    /// How long `more` units take behind those that are there already, if the model has the machine for itself.
    pub(crate) fn time(&self, more: u64) -> Duration {
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
    if let Some(allowed) = allowed.filter(|allowed| expected > *allowed) {
        return Err(Overloaded::Late { expected, allowed });
    }
    for (model, work) in work {
        let Some(runner) = runners.get(model) else {
            continue;
        };
        let inputs = runner.workload.inputs.load(Ordering::Relaxed);
        if inputs > 0 && inputs + work.inputs > MOST_INPUTS {
            let (model, backlog) = (*model, runner.workload.backlog());
            return Err(Overloaded::Full {
                model,
                inputs,
                backlog,
            });
        }
    }
    let promises = work.iter().filter_map(|(model, work)| {
        let runner = Arc::clone(runners.get(model)?);
        let Work { inputs, units } = *work;
        runner.workload.add(inputs, units);
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
        (more > 0, runner.workload.time(more))
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
        self.runner.workload.remove(inputs, units);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.fulfil(self.inputs, self.units);
    }
}

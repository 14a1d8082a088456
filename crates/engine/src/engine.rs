mod classifiers;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imaging::{DecodeError, ExifOrientation, Limits};
use indexmap::IndexMap;
use models::Placement;
use thiserror::Error;
use weights::Store;

use crate::admission::{Overloaded, admit};
use crate::classifiers::{ServedClassifiers, Unserved};
use crate::image_work::ImageWorks;
use crate::lineup::{Lineup, Role};
use crate::memory::MemoryBudget;
use crate::memory_pool::MemoryPool;
use crate::model::Model;
use crate::observer::{EngineStatus, Observed, Observer, PoolStatus};
use crate::plan::{Execution, Machine, Plan};
use crate::readiness::{ModelInfo, Readiness};
use crate::result::OperationResult;
use crate::runner::{Runner, RunnerSettings, Source, Unavailable};
use crate::task::TaskList;
use crate::threads::PixelThreads;
use crate::timings::{Stage, Timings};

/// What an [`Engine`] is made with.
pub struct EngineConfig {
    /// Where weights are found.
    pub store: Store,
    /// The folder of trained classifiers, which need not be there yet; without one no collection has a classifier.
    pub classifiers_dir: Option<PathBuf>,
    /// Where models run, and with which numbers.
    pub placement: Placement,
    /// Which models answer.
    pub lineup: Lineup,
    /// Threads of each model, and threads for pixels.
    pub threads: NonZeroUsize,
    /// Images of one pass of an encoder.
    pub max_batch: NonZeroUsize,
    /// Memory beyond the models' own.
    pub memory: MemoryBudget,
    /// Bytes of results that are kept for requests about an image that was there before.
    pub cache_bytes: u64,
    /// The largest image that is decoded.
    pub image_limits: Limits,
    /// Whether EXIF orientation is applied, where a request does not say.
    pub exif_orientation: ExifOrientation,
}

/// Why an engine cannot be made.
#[derive(Debug, Error)]
pub enum StartError {
    /// The operating system refused the threads.
    #[error("cannot start {threads} threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What went wrong.
        source: std::io::Error,
    },
}

/// Why an image could not be analysed at all. What concerns one task is that task's result instead.
#[derive(Clone, Debug, Error)]
pub enum AnalyzeError {
    /// The bytes are no image that can be decoded within the limits.
    #[error(transparent)]
    Image(#[from] DecodeError),
    /// There is too much to do to answer in time.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// A bug: a computation outside any task panicked. The log has the cause.
    #[error("internal error")]
    Internal,
}

/// The answer to one request.
#[derive(Debug)]
pub struct Analysis {
    /// One result a task, by `operation_id`, in the order of the tasks.
    pub results: IndexMap<String, OperationResult>,
    /// Models that the tasks needed and whose weights nobody trained: what they say means nothing.
    pub untrained: Vec<Model>,
    /// The EXIF orientation, 2 to 8, that the image has and that was not applied.
    pub ignored_orientation: Option<u16>,
    /// How long each stage took.
    pub timings: Timings,
}

/// Models, each with a runner, and all that requests share.
#[derive(Debug)]
pub struct Engine {
    machine: Machine,
    classifiers: Option<ServedClassifiers>,
    images: Arc<ImageWorks>,
    exif_orientation: ExifOrientation,
    observed: Observed,
}

impl Engine {
    /// An engine with no model in memory yet.
    ///
    /// # Errors
    /// [`StartError`] if the threads for pixels cannot be started.
    pub fn new(config: EngineConfig) -> Result<Self, StartError> {
        let threads = config.threads.get();
        let pixel_threads = PixelThreads::new(config.threads);
        let source = Arc::new(Source::new(config.store, config.placement));
        let observed = source.observed.clone();
        let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let settings = RunnerSettings {
            threads,
            max_batch: config.max_batch.get(),
            caption_bytes: bytes(config.memory.captions),
        };
        let runners = config.lineup.models().map(|model| {
            let runner = Runner::new(model, Arc::clone(&source), settings);
            (model, Arc::new(runner))
        });
        Ok(Self {
            machine: Machine {
                lineup: config.lineup,
                runners: runners.collect(),
                pixel_threads: pixel_threads
                    .map_err(|source| StartError::Threads { threads, source })?,
                pixel_memory: MemoryPool::new(config.memory.pixels),
                shown_memory: MemoryPool::new(config.memory.shown),
                image_limits: config.image_limits,
            },
            classifiers: config
                .classifiers_dir
                .as_deref()
                .map(ServedClassifiers::new),
            images: Arc::new(ImageWorks::new(config.cache_bytes)),
            exif_orientation: config.exif_orientation,
            observed,
        })
    }

    /// Decodes `image`, turns it as `orientation` or else the configuration says, and answers every task. Dropping the future drops the work. With a `deadline`, a request that would not
    /// be answered by then is refused before anything is done for it.
    ///
    /// # Errors
    /// [`AnalyzeError`] if the image cannot be decoded or there is too much to do; a task's own trouble is in its
    /// [`OperationResult`].
    pub async fn analyze(
        self: &Arc<Self>,
        image: Bytes,
        tasks: &TaskList,
        orientation: Option<ExifOrientation>,
        deadline: Option<Instant>,
    ) -> Result<Analysis, AnalyzeError> {
        let tasks = tasks.tasks();
        let began = Instant::now();
        let classifiers = self.find_classifiers(tasks).await?;
        let lookup = began.elapsed();
        let lineup = &self.machine.lineup;
        let plan = Plan::build(tasks, lineup, |id| {
            classifiers
                .get(&id)
                .cloned()
                .unwrap_or(Err(Unserved::Unknown(id)))
        });
        let work = plan.work(lineup);
        let allowed = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let promises = admit(&self.machine.runners, &work, allowed)?;

        let encoded = image.clone();
        let orientation = orientation.unwrap_or(self.exif_orientation);
        let images = Arc::clone(&self.images);
        let opened = self
            .machine
            .pixel_threads
            .run(move || images.open(&encoded, orientation));
        let (opened, _) = opened.await.map_err(|_panicked| AnalyzeError::Internal)?;
        self.observed.tell(|it| it.looked_up(opened.lookup));
        let ignored_orientation = opened.ignored_orientation;
        let execution = Execution::new(&self.machine, image, opened, promises);
        if !classifiers.is_empty() {
            execution.book(Stage::Classify, lookup);
        }
        let results = execution.run(&plan).await?;
        let untrained = work.keys().copied().filter(|model| {
            let runner = self.machine.runners.get(model);
            runner.is_some_and(|runner| runner.is_untrained())
        });
        Ok(Analysis {
            results,
            untrained: untrained.collect(),
            ignored_orientation,
            timings: execution.into_timings(),
        })
    }

    /// The model that has `role`.
    #[must_use]
    pub fn model(&self, role: Role) -> Model {
        self.machine.lineup.model(role)
    }

    /// Brings a model into memory, downloading its files where that is allowed. Returns once it is there.
    ///
    /// # Errors
    /// The reason why it cannot be had, which [`Engine::info`] also reports from then on.
    pub async fn preload(&self, model: Model) -> Result<(), Unavailable> {
        let Some(runner) = self.machine.runners.get(&model) else {
            return Err(Unavailable(format!("{model} is not served here")));
        };
        runner.begin_loading(true);
        runner.settled().await
    }

    /// What is known of `model`, and how far it is from answering.
    #[must_use]
    pub fn info(&self, model: Model) -> ModelInfo {
        let runner = self.machine.runners.get(&model);
        let (readiness, untrained) = runner.map_or_else(
            || (Readiness::Unavailable("not served here".to_owned()), false),
            |runner| runner.readiness(),
        );
        ModelInfo {
            untrained,
            readiness,
        }
    }

    /// Tells `observer` of all that happens from now on. An engine has one observer: the first.
    pub fn set_observer(&self, observer: Arc<dyn Observer>) {
        self.observed.set(observer);
    }

    /// How it is now, without a look at the disk.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        let runners = self.machine.runners.iter();
        EngineStatus {
            models: runners.map(|(model, it)| (*model, it.status())).collect(),
            pools: vec![
                PoolStatus::of("pixels", &self.machine.pixel_memory),
                PoolStatus::of("shown", &self.machine.shown_memory),
            ],
            kept_bytes: self.images.kept_bytes(),
        }
    }

    /// How long all that models have promised and not answered takes, one model after the other.
    #[must_use]
    pub fn backlog(&self) -> Duration {
        let runners = self.machine.runners.values();
        runners.map(|runner| runner.workload.backlog()).sum()
    }

    /// Gives back the memory of models that nobody has asked for in so long. To be called now and then.
    pub fn unload_unused(&self, ttl: Duration) {
        for runner in self.machine.runners.values() {
            runner.unload_if_unused(ttl);
        }
    }
}

#[cfg(test)]
mod tests;

mod classifiers;

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use imaging::{DecodeError, ExifOrientation, Limits};
use indexmap::IndexMap;
use models::{Placement, blip, clip};
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use weights::Store;

use crate::classifiers::{ServedClassifiers, Unserved};
use crate::in_memory::InMemory;
use crate::model::{Model, Role};
use crate::panic_text;
use crate::plan::{self, Plan};
use crate::readiness::ModelInfo;
use crate::registry::{Registry, Variants};
use crate::result::OperationResult;
use crate::task::TaskList;
use crate::timings::Timings;

/// What an [`Engine`] is made with.
pub struct EngineConfig {
    /// Where weights are found.
    pub store: Store,
    /// The folder of trained classifiers, which need not be there yet; without one no collection has a classifier.
    pub classifiers_dir: Option<PathBuf>,
    /// Where models run, and with which numbers.
    pub placement: Placement,
    /// Which CLIP answers `embed_clip_vit_b_32`.
    pub clip_variant: clip::Variant,
    /// Which BLIP answers `describe_image`.
    pub blip_variant: blip::Variant,
    /// Threads that compute; also how many requests are in memory decoded at a time.
    pub threads: NonZeroUsize,
    /// The largest image that is decoded.
    pub image_limits: Limits,
    /// Whether EXIF orientation is applied.
    pub exif_orientation: ExifOrientation,
}

/// Why an engine cannot be made.
#[derive(Debug, Error)]
pub enum StartError {
    /// The operating system refused the compute threads.
    #[error("cannot start {threads} compute threads: {source}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What went wrong.
        source: rayon::ThreadPoolBuildError,
    },
}

/// Why an image could not be analysed at all. What concerns one task is that task's result instead.
#[derive(Debug, Error)]
pub enum AnalyzeError {
    /// The bytes are no image that can be decoded within the limits.
    #[error(transparent)]
    Image(#[from] DecodeError),
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
    /// How long each stage took.
    pub timings: Timings,
}

/// Models, and the threads they run on.
pub struct Engine {
    registry: Registry,
    classifiers: Option<ServedClassifiers>,
    pool: ThreadPool,
    image_limits: Limits,
    exif_orientation: ExifOrientation,
    /// One permit a compute thread: more requests than that in the pool would only hold more pictures in memory.
    permits: Arc<Semaphore>,
}

impl Engine {
    /// An engine with no model in memory yet.
    ///
    /// # Errors
    /// [`StartError`] if the compute threads cannot be started.
    pub fn new(config: EngineConfig) -> Result<Self, StartError> {
        let threads = config.threads.get();
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .build()
            .map_err(|source| StartError::Threads { threads, source })?;
        let variants = Variants {
            clip: config.clip_variant,
            blip: config.blip_variant,
        };
        Ok(Self {
            registry: Registry::new(config.store, config.placement, variants),
            classifiers: config
                .classifiers_dir
                .as_deref()
                .map(ServedClassifiers::new),
            pool,
            image_limits: config.image_limits,
            exif_orientation: config.exif_orientation,
            permits: Arc::new(Semaphore::new(threads)),
        })
    }

    /// Decodes `image` and answers every task. Dropping the future drops the work, unless it has begun.
    ///
    /// # Errors
    /// [`AnalyzeError`] if the image cannot be decoded; a task's own trouble is in its [`OperationResult`].
    pub async fn analyze(
        self: &Arc<Self>,
        image: Bytes,
        tasks: &TaskList,
    ) -> Result<Analysis, AnalyzeError> {
        let tasks = tasks.tasks();
        let mut timings = Timings::default();

        let began = Instant::now();
        let classifiers = self.find_classifiers(tasks).await?;
        let plan = Plan::build(
            tasks,
            |encoder| self.registry.recipe(encoder),
            |id| {
                classifiers
                    .get(&id)
                    .cloned()
                    .unwrap_or(Err(Unserved::Unknown(id)))
            },
        );
        let models = self.load(&plan).await;
        timings.add("load", began.elapsed());

        let began = Instant::now();
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_closed| AnalyzeError::Internal)?;
        timings.add("queue", began.elapsed());

        let (answer, answered) = oneshot::channel();
        let engine = Arc::clone(self);
        let span = tracing::Span::current();
        self.pool.spawn(move || {
            let _entered = span.enter();
            if !answer.is_closed() {
                // The receiver may have gone meanwhile; then nobody wants the answer.
                let _ = answer.send(engine.compute(&image, &plan, &models, timings));
            }
            drop(permit);
        });
        answered.await.map_err(|_dropped| AnalyzeError::Internal)?
    }

    /// Brings a model into memory, downloading its files where that is allowed. Blocks; for a thread of its own.
    ///
    /// # Errors
    /// The reason, which [`Engine::info`] also reports from then on.
    pub fn preload(&self, model: Model) -> Result<(), String> {
        self.registry.preload(model)
    }

    /// What is known of `model`, and how far it is from answering.
    #[must_use]
    pub fn info(&self, model: Model) -> ModelInfo {
        self.registry.info(model)
    }

    /// The models that `plan` needs, or why each is missing.
    async fn load(self: &Arc<Self>, plan: &Plan) -> InMemory {
        let mut models = InMemory::default();
        for model in plan.models() {
            match model.role() {
                Role::Detector(detector) => {
                    let ready = self.registry.detector_if_ready(detector);
                    let loaded = self.loaded(ready, move |it| it.detector(detector)).await;
                    models.detectors.insert(detector, loaded);
                }
                Role::Encoder(encoder) => {
                    let ready = self.registry.encoder_if_ready(encoder);
                    let loaded = self.loaded(ready, move |it| it.encoder(encoder)).await;
                    models.encoders.insert(encoder, loaded);
                }
                Role::Captioner => {
                    let ready = self.registry.captioner_if_ready();
                    models.captioner = Some(self.loaded(ready, Registry::captioner).await);
                }
            }
        }
        models
    }

    /// The model that is ready, or else what `read` gives. Reading weights blocks, so it happens on no async and no compute
    /// thread.
    async fn loaded<T: Send + 'static>(
        self: &Arc<Self>,
        ready: Option<T>,
        read: impl FnOnce(&Registry) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        if let Some(ready) = ready {
            return Ok(ready);
        }
        let engine = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || read(&engine.registry));
        reading.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Everything of a request that takes processor time. Never panics: that would end the process.
    fn compute(
        &self,
        bytes: &[u8],
        plan: &Plan,
        models: &InMemory,
        mut timings: Timings,
    ) -> Result<Analysis, AnalyzeError> {
        catch_unwind(AssertUnwindSafe(|| {
            let decode = || imaging::decode(bytes, &self.image_limits, self.exif_orientation);
            let image = timings.measure("decode", decode)?;
            let results = plan::run(plan, &image, &self.image_limits, models, &mut timings);
            Ok(Analysis {
                results,
                untrained: models.untrained(),
                timings,
            })
        }))
        .unwrap_or_else(|panic| {
            tracing::error!(cause = panic_text(&*panic), "a request panicked");
            Err(AnalyzeError::Internal)
        })
    }
}

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use candle_core::Device;
use imaging::{DecodeError, ExifOrientation, Limits, RgbImage};
use indexmap::IndexMap;
use models::mtcnn::Mtcnn;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use weights::Store;

use crate::panic_text;
use crate::plan::{self, Detectors, Plan};
use crate::registry::{Model, Readiness, Registry};
use crate::result::{Detection, OperationResult};
use crate::task::TaskList;
use crate::timings::Timings;

/// What an [`Engine`] is made with.
pub struct EngineConfig {
    /// Where weights are found.
    pub store: Store,
    /// Where models run.
    pub device: Device,
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
    /// How long each stage took.
    pub timings: Timings,
}

/// Models, and the threads they run on.
pub struct Engine {
    registry: Registry,
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
        Ok(Self {
            registry: Registry::new(config.store, config.device),
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
        let plan = Plan::build(tasks.tasks());
        let mut timings = Timings::default();

        let began = Instant::now();
        let loaded = self.load(&plan).await;
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
                let _ = answer.send(engine.compute(&image, &plan, &loaded, timings));
            }
            drop(permit);
        });
        answered.await.map_err(|_dropped| AnalyzeError::Internal)?
    }

    /// Brings a model into memory, downloading its files where that is allowed. Blocks; for a thread of its own.
    ///
    /// # Errors
    /// The reason, which [`Engine::readiness`] also reports from then on.
    pub fn preload(&self, model: Model) -> Result<(), String> {
        self.registry.preload(model)
    }

    /// How far `model` is from answering.
    #[must_use]
    pub fn readiness(&self, model: Model) -> Readiness {
        self.registry.readiness(model)
    }

    /// The models that `plan` needs, or why each is missing.
    async fn load(self: &Arc<Self>, plan: &Plan) -> Loaded {
        let mut loaded = Loaded { mtcnn: None };
        for model in plan.models() {
            match model {
                Model::Mtcnn => loaded.mtcnn = Some(self.mtcnn().await),
            }
        }
        loaded
    }

    /// Reading weights blocks, so it happens on no async and no compute thread.
    async fn mtcnn(self: &Arc<Self>) -> Result<Arc<Mtcnn>, String> {
        if let Some(model) = self.registry.mtcnn_if_ready() {
            return Ok(model);
        }
        let engine = Arc::clone(self);
        let loading = tokio::task::spawn_blocking(move || engine.registry.mtcnn());
        loading.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Everything of a request that takes processor time. Never panics: that would end the process.
    fn compute(
        &self,
        bytes: &[u8],
        plan: &Plan,
        loaded: &Loaded,
        mut timings: Timings,
    ) -> Result<Analysis, AnalyzeError> {
        catch_unwind(AssertUnwindSafe(|| {
            let decode = || imaging::decode(bytes, &self.image_limits, self.exif_orientation);
            let image = timings.measure("decode", decode)?;
            let results = plan::run(plan, &image, loaded, &mut timings);
            Ok(Analysis { results, timings })
        }))
        .unwrap_or_else(|panic| {
            tracing::error!(cause = panic_text(&*panic), "a request panicked");
            Err(AnalyzeError::Internal)
        })
    }
}

/// The models of one plan, or why each is missing; `None` where the plan needs none.
struct Loaded {
    mtcnn: Option<Result<Arc<Mtcnn>, String>>,
}

impl Detectors for Loaded {
    fn faces(&self, image: &RgbImage) -> Result<Vec<Detection>, String> {
        let loaded = self
            .mtcnn
            .as_ref()
            .ok_or("mtcnn was not loaded for this plan")?;
        let mtcnn = loaded.as_ref().map_err(String::clone)?;
        let faces = mtcnn
            .detect(image)
            .map_err(|error| format!("face detection failed: {error}"))?;
        Ok(faces
            .into_iter()
            .map(|face| Detection {
                bbox: face.bbox,
                score: face.score,
                landmarks: Some(face.landmarks),
            })
            .collect())
    }
}

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use imaging::{DecodeError, ExifOrientation, Limits, RgbImage};
use indexmap::IndexMap;
use models::mtcnn::Mtcnn;
use models::{Pixels, Placement, clip};
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;
use tokio::sync::{Semaphore, oneshot};
use weights::Store;

use crate::model::{Model, ModelInfo};
use crate::operations::Encoder;
use crate::panic_text;
use crate::plan::{self, Models, Plan};
use crate::registry::{AnyEncoder, Loaded, Registry};
use crate::result::{Detection, OperationResult};
use crate::task::TaskList;
use crate::timings::Timings;

/// What an [`Engine`] is made with.
pub struct EngineConfig {
    /// Where weights are found.
    pub store: Store,
    /// Where models run, and with which numbers.
    pub placement: Placement,
    /// Which CLIP answers `embed_clip_vit_b_32`.
    pub clip_variant: clip::Variant,
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
            registry: Registry::new(config.store, config.placement, config.clip_variant),
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
        let plan = Plan::build(tasks.tasks(), |encoder| self.registry.recipe(encoder));
        let mut timings = Timings::default();

        let began = Instant::now();
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
            match model {
                Model::Mtcnn => models.mtcnn = Some(self.mtcnn().await),
                Model::Clip => models.clip = Some(self.encoder(Encoder::Clip).await),
                Model::DinoV2 => models.dinov2 = Some(self.encoder(Encoder::DinoV2).await),
            }
        }
        models
    }

    async fn mtcnn(self: &Arc<Self>) -> Result<Arc<Loaded<Mtcnn>>, String> {
        match self.registry.mtcnn_if_ready() {
            Some(model) => Ok(model),
            None => self.read(Registry::mtcnn).await,
        }
    }

    async fn encoder(self: &Arc<Self>, encoder: Encoder) -> Result<Arc<AnyEncoder>, String> {
        match self.registry.encoder_if_ready(encoder) {
            Some(model) => Ok(model),
            None => self.read(move |registry| registry.encoder(encoder)).await,
        }
    }

    /// Reading weights blocks, so it happens on no async and no compute thread.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Registry) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
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

/// The models of one plan, or why each is missing; `None` where the plan needs none.
#[derive(Default)]
struct InMemory {
    mtcnn: Option<Result<Arc<Loaded<Mtcnn>>, String>>,
    clip: Option<Result<Arc<AnyEncoder>, String>>,
    dinov2: Option<Result<Arc<AnyEncoder>, String>>,
}

impl InMemory {
    fn untrained(&self) -> Vec<Model> {
        fn is<T>(slot: Option<&Result<Arc<Loaded<T>>, String>>) -> bool {
            matches!(slot, Some(Ok(loaded)) if loaded.untrained)
        }
        let untrained = [
            (Model::Mtcnn, is(self.mtcnn.as_ref())),
            (Model::Clip, is(self.clip.as_ref())),
            (Model::DinoV2, is(self.dinov2.as_ref())),
        ];
        let models = untrained.into_iter().filter(|(_, untrained)| *untrained);
        models.map(|(model, _)| model).collect()
    }
}

/// The model, or why it is missing.
fn present<T>(slot: Option<&Result<Arc<Loaded<T>>, String>>, model: Model) -> Result<&T, String> {
    match slot {
        Some(Ok(loaded)) => Ok(&loaded.model),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("{model} was not loaded for this plan")),
    }
}

impl Models for InMemory {
    fn faces(&self, image: &RgbImage) -> Result<Vec<Detection>, String> {
        let mtcnn = present(self.mtcnn.as_ref(), Model::Mtcnn)?;
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

    fn embed(&self, encoder: Encoder, pixels: &Pixels) -> Result<Vec<f32>, String> {
        let slot = match encoder {
            Encoder::Clip => &self.clip,
            Encoder::DinoV2 => &self.dinov2,
        };
        let model = encoder.model();
        let vectors = present(slot.as_ref(), model)?
            .encode(&[pixels])
            .map_err(|error| format!("{model} failed: {error}"))?;
        let mut vectors = vectors.into_iter();
        match (vectors.next(), vectors.next()) {
            (Some(vector), None) => Ok(vector),
            _ => Err(format!("{model} did not give one vector for one image")),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use models::{EncodeError, ImageEncoder, Precision, Recipe};
    use serde_json::json;
    use weights::StoreConfig;

    use super::*;
    use crate::embedding::Embedding;
    use crate::result::{Data, Status};
    use crate::task::Task;

    /// Gives `vectors` vectors for whatever it is shown.
    #[derive(Debug)]
    struct StandIn {
        vectors: usize,
    }

    impl ImageEncoder for StandIn {
        fn recipe(&self) -> Recipe {
            clip::Variant::VitB32.recipe()
        }

        fn dims(&self) -> usize {
            2
        }

        fn encode(&self, images: &[&Pixels]) -> Result<Vec<Vec<f32>>, EncodeError> {
            assert_eq!(images.len(), 1);
            Ok(vec![vec![3.0, 4.0]; self.vectors])
        }
    }

    /// An engine without weights.
    fn engine() -> Arc<Engine> {
        let mut store = StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap();
        store.offline = true;
        let engine = Engine::new(EngineConfig {
            store: Store::new(store),
            placement: Placement::new(Device::Cpu, Precision::F32),
            clip_variant: clip::Variant::VitB32,
            threads: NonZeroUsize::MIN,
            image_limits: Limits::default(),
            exif_orientation: ExifOrientation::Ignore,
        });
        Arc::new(engine.unwrap())
    }

    fn stand_in(vectors: usize, untrained: bool) -> AnyEncoder {
        Loaded {
            model: Box::new(StandIn { vectors }),
            untrained,
        }
    }

    async fn analyze(engine: &Arc<Engine>, operations: &[&str]) -> Analysis {
        let image = RgbImage::from_raw(2, 1, vec![0; 6]).unwrap();
        let tasks = operations.iter().map(|operation| Task {
            operation_id: (*operation).to_owned(),
            operation: (*operation).to_owned(),
            params: json!({ "normalize": true }).as_object().unwrap().clone(),
        });
        let tasks = TaskList::new(tasks.collect(), 10).unwrap();
        let image = imaging::encode_png(&image).unwrap();
        engine.analyze(image.into(), &tasks).await.unwrap()
    }

    const BOTH: [&str; 2] = ["embed_clip_vit_b_32", "embed_dino_v2"];

    #[tokio::test]
    async fn an_encoder_without_weights_costs_only_its_own_tasks() {
        let engine = engine();
        engine.registry.put(Encoder::DinoV2, stand_in(1, false));
        let analysis = analyze(&engine, &BOTH).await;
        let [clip, dinov2] = BOTH.map(|operation| &analysis.results[operation]);
        assert_eq!(clip.status, Status::Error);
        let message = clip.error_message.as_deref().unwrap();
        assert!(
            message.starts_with("model clip is not available"),
            "{message}"
        );
        let Some(Data::Embedding(Embedding { values, .. })) = &dinov2.data else {
            panic!("{dinov2:?}");
        };
        assert_eq!(values, &[0.6, 0.8]);
    }

    #[tokio::test]
    async fn an_answer_names_the_untrained_models_that_its_tasks_needed() {
        let engine = engine();
        engine.registry.put(Encoder::Clip, stand_in(1, true));
        engine.registry.put(Encoder::DinoV2, stand_in(1, true));
        assert_eq!(
            analyze(&engine, &BOTH).await.untrained,
            [Model::Clip, Model::DinoV2]
        );
        assert_eq!(
            analyze(&engine, &BOTH[1..]).await.untrained,
            [Model::DinoV2]
        );
        assert!(analyze(&engine, &[]).await.untrained.is_empty());
        assert!(engine.info(Model::Clip).untrained);
        assert!(!engine.info(Model::Mtcnn).untrained);
    }

    #[tokio::test]
    async fn a_model_that_gives_too_few_or_too_many_vectors_is_an_error() {
        for vectors in [0, 2] {
            let engine = engine();
            engine.registry.put(Encoder::Clip, stand_in(vectors, false));
            let analysis = analyze(&engine, &BOTH[..1]).await;
            let result = &analysis.results[BOTH[0]];
            assert_eq!(result.status, Status::Error);
            assert_eq!(
                result.error_message.as_deref(),
                Some("clip did not give one vector for one image")
            );
        }
    }
}

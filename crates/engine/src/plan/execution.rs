//! The nodes of a plan, each computed once and as soon as what it needs is there.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use imaging::{Limits, RgbImage};
use indexmap::IndexMap;
use models::Pixels;

use crate::admission::Promise;
use crate::engine::AnalyzeError;
use crate::image_work::{Decoded, ImageWork, Memo, Opened};
use crate::lineup::Lineup;
use crate::memory_pool::MemoryPool;
use crate::model::Model;
use crate::network::{Input, ModelError, Output};
use crate::panic_text;
use crate::plan::build::Plan;
use crate::plan::failure::{Failure, Outcome};
use crate::plan::{Describe, Embed, Prepare};
use crate::result::OperationResult;
use crate::runner::Runner;
use crate::threads::PixelThreads;
use crate::timings::{Stage, Timings};

/// What requests are computed with.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) lineup: Lineup,
    pub(crate) runners: IndexMap<Model, Arc<Runner>>,
    pub(crate) pixel_threads: PixelThreads,
    /// For images, from before they are decoded until nobody works on them.
    pub(crate) pixel_memory: MemoryPool,
    /// For what answers show.
    pub(crate) shown_memory: MemoryPool,
    pub(crate) image_limits: Limits,
}

/// One request being computed. Dropping it ends its work. A node that it was computing and that another request about the same image
/// waits for is begun anew by that one.
#[derive(Debug)]
pub(crate) struct Execution<'a> {
    pub(super) machine: &'a Machine,
    encoded: Bytes,
    opened: Opened,
    promises: Mutex<Vec<(Model, Promise)>>,
    timings: Mutex<Timings>,
}

/// A node's output, and where the time went.
pub(super) struct Done<V> {
    output: V,
    waited: Duration,
    ran: Duration,
}

impl<'a> Execution<'a> {
    pub(crate) fn new(
        machine: &'a Machine,
        encoded: Bytes,
        opened: Opened,
        promises: Vec<(Model, Promise)>,
    ) -> Self {
        Self {
            machine,
            encoded,
            opened,
            promises: Mutex::new(promises),
            timings: Mutex::default(),
        }
    }

    /// The results of all tasks, which are worked on side by side. Fails if the image cannot be decoded.
    pub(crate) async fn run(
        &self,
        plan: &Plan,
    ) -> Result<IndexMap<String, OperationResult>, AnalyzeError> {
        let decodable = &self.work().results.decodable;
        if !decodable.load(Ordering::Relaxed) {
            self.decoded().await?;
            decodable.store(true, Ordering::Relaxed);
        }
        let results = plan.answers.iter().map(async |(id, answer)| {
            let result = self.result(id, answer).boxed().await;
            (id.clone(), result)
        });
        Ok(join_all(results).await.into_iter().collect())
    }

    /// How long each stage took.
    pub(crate) fn into_timings(self) -> Timings {
        let timings = self.timings.into_inner();
        timings.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn work(&self) -> &ImageWork {
        &self.opened.work
    }

    /// Computes the node `key` unless that is done or under way: the one place where a node gets its time booked, its panics
    /// caught, and its output handed over to all who need it. Boxed, as nodes that wait for nodes that wait would be large.
    pub(super) async fn node<K: Eq + std::hash::Hash, V: Clone>(
        &self,
        memo: &Memo<K, V>,
        key: K,
        stage: Stage,
        compute: BoxFuture<'_, Outcome<Done<V>>>,
    ) -> Outcome<V> {
        let compute = async {
            let done = AssertUnwindSafe(compute).catch_unwind().await;
            let done = done.unwrap_or_else(|panic| {
                let cause = panic_text(&*panic);
                tracing::error!(stage = stage.name(), cause, "a node panicked");
                Err(ModelError::Panicked.into())
            })?;
            self.book(stage, done.ran);
            if let Stage::Model(_) = stage {
                self.book(Stage::Queue, done.waited);
            }
            Ok(done.output)
        };
        memo.get(key, compute).await
    }

    /// Work on the threads for pixels.
    pub(super) async fn on_pixel_threads<V: Send + 'static>(
        &self,
        work: impl FnOnce() -> Outcome<V> + Send + 'static,
    ) -> Outcome<Done<V>> {
        let (output, ran) = self.machine.pixel_threads.run(work).await?;
        Ok(Done {
            output: output?,
            waited: Duration::ZERO,
            ran,
        })
    }

    /// Asks a model.
    pub(super) async fn ask(&self, model: Model, input: Input) -> Outcome<Done<Output>> {
        let Some(runner) = self.machine.runners.get(&model) else {
            return Err(Failure::Broken(format!("{model} is not served here")));
        };
        let units = input.units();
        let reply = runner.run(input).await;
        let mut promises = self.promises.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, promise)) = promises.iter_mut().find(|(of, _)| *of == model) {
            promise.fulfil(1, units);
        }
        let reply = reply?;
        Ok(Done {
            output: reply.output,
            waited: reply.waited,
            ran: reply.ran,
        })
    }

    /// The whole image.
    pub(super) async fn image(&self) -> Outcome<Arc<RgbImage>> {
        match self.decoded().await {
            Ok(decoded) => Ok(Arc::clone(&decoded.image)),
            // It has been decoded before: what was kept of it says so.
            Err(error) => Err(Failure::Broken(error.to_string())),
        }
    }

    /// A region's vector.
    pub(super) async fn vector(&self, node: Embed) -> Outcome<Arc<[f32]>> {
        let compute = async {
            let pixels = self.pixels(node.pixels).await?;
            let done = self.ask(node.model, Input::Pixels(pixels)).await?;
            done.try_map(|output| match output {
                Output::Vector(vector) => Ok(vector.into()),
                _ => Err(not_asked_for(node.model)),
            })
        };
        let memo = &self.work().results.vectors;
        self.node(memo, node, Stage::Model(node.model), compute.boxed())
            .await
    }

    /// A region's description.
    pub(super) async fn text(&self, node: Describe) -> Outcome<Arc<str>> {
        let model = node.model;
        let compute = async {
            let pixels = self.pixels(node.pixels).await?;
            let options = node.options.clone();
            let done = self.ask(model, Input::Caption(pixels, options)).await?;
            done.try_map(|output| match output {
                Output::Text(text) => Ok(text.into()),
                _ => Err(not_asked_for(model)),
            })
        };
        let memo = &self.work().results.texts;
        self.node(memo, node.clone(), Stage::Model(model), compute.boxed())
            .await
    }

    /// A region, resized and normalised.
    async fn pixels(&self, node: Prepare) -> Outcome<Arc<Pixels>> {
        let compute = async {
            let image = self.region(node.region).await?;
            self.on_pixel_threads(move || {
                let prepared = node.recipe.apply(&image);
                let prepared = prepared.map_err(|error| Failure::Unusable(error.to_string()))?;
                Ok(Arc::new(prepared))
            })
            .await
        };
        self.node(&self.work().pixels, node, Stage::Prepare, compute.boxed())
            .await
    }

    async fn decoded(&self) -> Result<Arc<Decoded>, AnalyzeError> {
        let cell = &self.work().image;
        cell.get_or_init(|| self.decode()).await.clone()
    }

    /// Waits for memory, then decodes.
    async fn decode(&self) -> Result<Arc<Decoded>, AnalyzeError> {
        let machine = self.machine;
        let (limits, orientation) = (machine.image_limits.clone(), self.work().orientation());
        let (encoded, header_limits) = (self.encoded.clone(), limits.clone());
        // Reading a header may mean walking through the file, so it is no work for an async thread either.
        let header = move || imaging::decode_bytes(&encoded, &header_limits);
        let needed = machine.pixel_threads.run(header).await;
        let (needed, _) = needed.map_err(|_panicked| AnalyzeError::Internal)?;
        let needed = needed?;
        let mut memory = machine.pixel_memory.share(needed).await;
        let encoded = self.encoded.clone();
        let decode = move || imaging::decode(&encoded, &limits, orientation);
        let decoded = machine.pixel_threads.run(decode).await;
        let (image, took) = decoded.map_err(|_panicked| AnalyzeError::Internal)?;
        let image = Arc::new(image?);
        self.book(Stage::Decode, took);
        // What remains is the image, and as much again for what is cut out of it.
        memory.shrink_to(2 * image.pixels().len() as u64);
        Ok(Arc::new(Decoded {
            image,
            _memory: memory,
        }))
    }

    pub(crate) fn book(&self, stage: Stage, took: Duration) {
        let mut timings = self.timings.lock().unwrap_or_else(PoisonError::into_inner);
        timings.add(stage, took);
    }
}

impl<V> Done<V> {
    pub(super) fn try_map<U>(self, map: impl FnOnce(V) -> Outcome<U>) -> Outcome<Done<U>> {
        Ok(Done {
            output: map(self.output)?,
            waited: self.waited,
            ran: self.ran,
        })
    }
}

/// A bug: a model answered in another model's way.
pub(super) fn not_asked_for(model: Model) -> Failure {
    Failure::Broken(format!("{model} answered what it was not asked"))
}

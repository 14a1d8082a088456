//! A runner serves one model: it brings it into memory, holds a queue of what is asked of it, and takes what is queued through
//! the model in batches.
//!
//! A model has threads of its own, so that no request's work ever sits on another's stack. A request waits asynchronously, for
//! the model's weights as well as for its answer. When it no longer waits (its future was dropped), its input costs nothing more: in
//! the queue it is passed over, and a model at work asks between its layers whether anybody waits for the batch.

mod batch;
mod captions;
mod queue;
mod state;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use models::Placement;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use weights::{Silent, Store, StoreError};

use crate::admission::Workload;
use crate::model::Model;
use crate::network::{Input, Loaded, ModelError, Network};
use crate::observer::{ModelStatus, Observed};
use crate::panic_text;
use crate::readiness::Readiness;
use crate::threads;
use crate::turns::Turns;
use queue::{Entry, Queue};
use state::{RETRY_AFTER, Ready, State};

pub(crate) use queue::Reply;

/// Serves one model.
#[derive(Debug)]
pub(crate) struct Runner {
    model: Model,
    source: Arc<Source>,
    settings: RunnerSettings,
    state: watch::Sender<State>,
    queue: Queue,
    /// What it has been asked and has not answered.
    pub(crate) workload: Workload,
    last_used: Mutex<Instant>,
    /// Inputs that its model has begun with.
    begun: AtomicU64,
}

/// How a runner works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunnerSettings {
    pub(crate) threads: usize,
    /// Inputs of one pass, where several together are faster.
    pub(crate) max_batch: usize,
    /// Bytes of keys and values of texts that are written together.
    pub(crate) caption_bytes: usize,
}

/// Where models come from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) store: Store,
    pub(crate) placement: Placement,
    pub(crate) turns: Arc<Turns>,
    pub(crate) observed: Observed,
    /// One model is read at a time: two would need twice the memory, and be no sooner there.
    reading: Mutex<()>,
}

/// Why a model cannot be served now.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Unavailable(pub String);

impl Source {
    pub(crate) fn new(store: Store, placement: Placement) -> Self {
        Self {
            store,
            placement,
            turns: Arc::default(),
            observed: Observed::default(),
            reading: Mutex::new(()),
        }
    }

    fn locate(&self, model: Model) -> Result<Vec<PathBuf>, StoreError> {
        let files = model.files().files.iter();
        files.map(|file| self.store.locate(file)).collect()
    }

    fn known_sha256(&self, model: Model) -> Option<String> {
        self.store.known_sha256(model.files().files.first()?)
    }

    /// Downloads what is not there.
    fn fetch(&self, model: Model) -> Result<(), StoreError> {
        for file in model.files().files {
            if self.store.locate(file).is_err() {
                tracing::info!(%model, file = file.path, "downloading");
                // A server's log is no place for a progress bar.
                self.store.pull(file, &Silent)?;
            }
        }
        Ok(())
    }
}

impl Runner {
    pub(crate) fn new(model: Model, source: Arc<Source>, settings: RunnerSettings) -> Self {
        Self {
            model,
            source,
            settings,
            state: watch::Sender::new(State::Empty),
            queue: Queue::default(),
            workload: Workload::default(),
            last_used: Mutex::new(Instant::now()),
            begun: AtomicU64::new(0),
        }
    }

    /// The model's answer to `input`. Waits for the model if it is being read from disk, and for its turn. Dropping the future
    /// drops the work, even if it has begun.
    pub(crate) async fn run(self: &Arc<Self>, input: Input) -> Result<Reply, ModelError> {
        let asked = std::time::Instant::now();
        let unavailable = |Unavailable(reason)| ModelError::Unavailable(self.model, reason);
        let ready = self.ready().await.map_err(unavailable)?;
        self.touch();
        let (entry, answered) = Entry::new(input, asked);
        if self.queue.push(entry) {
            let runner = Arc::clone(self);
            let pool = Arc::clone(&ready);
            pool.pool.spawn(move || runner.drain(&ready));
        }
        answered.await.unwrap_or(Err(ModelError::Panicked))
    }

    /// Begins to bring the model into memory, unless that is done or under way. Downloads its files if they are not on disk and
    /// `fetch` says so.
    pub(crate) fn begin_loading(self: &Arc<Self>, fetch: bool) {
        let fetching = fetch && self.source.locate(self.model).is_err();
        let begun = self.state.send_if_modified(|state| {
            let begins = state.may_begin();
            if begins {
                *state = if fetching {
                    State::Fetching
                } else {
                    State::Loading
                };
            }
            begins
        });
        if !begun {
            return;
        }
        let runner = Arc::clone(self);
        let thread = std::thread::Builder::new().name(format!("load {}", self.model));
        if let Err(error) = thread.spawn(move || runner.bring_into_memory(fetching)) {
            self.fail(format!("no thread to load it on: {error}"), Duration::ZERO);
        }
    }

    /// Waits until the model is in memory or cannot be, whatever that takes.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        let mut changes = self.state.subscribe();
        let under_way = |state: &State| matches!(state, State::Fetching | State::Loading);
        let state = changes.wait_for(|state| !under_way(state)).await;
        match state.as_deref() {
            Ok(State::Failed { reason, .. }) => Err(Unavailable(reason.clone())),
            _ => Ok(()),
        }
    }

    /// How far it is, and whether its weights say of themselves that nobody trained them.
    pub(crate) fn readiness(&self) -> (Readiness, bool) {
        let state = self.state.borrow().clone();
        let readiness = match &state {
            State::Ready(ready) => return (Readiness::Ready, ready.loaded.untrained),
            State::Fetching | State::Loading => Readiness::Loading,
            // Files may have come or gone since the last attempt: the disk knows better.
            State::Empty | State::Failed { .. } => match (self.source.locate(self.model), state) {
                (Err(reason), _) => Readiness::Unavailable(reason.to_string()),
                (Ok(_), State::Failed { reason, .. }) => Readiness::Unavailable(reason),
                (Ok(_), _) => Readiness::OnDemand,
            },
        };
        (readiness, false)
    }

    /// How it is now, without a look at the disk.
    pub(crate) fn status(&self) -> ModelStatus {
        let (state, weights_bytes) = self.state.borrow().summary();
        ModelStatus {
            state,
            queued: self.queue.len(),
            weights_bytes,
        }
    }

    /// Whether it is in memory, and nobody trained its weights.
    pub(crate) fn is_untrained(&self) -> bool {
        matches!(&*self.state.borrow(), State::Ready(ready) if ready.loaded.untrained)
    }

    /// SHA-256 of the first file of the weights in memory, or of those that would be read, where it is known. Looks at the disk
    /// unless the model is in memory.
    pub(crate) fn known_sha256(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Ready(ready) => ready.loaded.sha256.clone(),
            _ => self.source.known_sha256(self.model),
        }
    }

    /// Gives the model's memory back if nobody has asked for it for so long.
    pub(crate) fn unload_if_unused(&self, ttl: Duration) {
        let last_used = *self
            .last_used
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last_used.elapsed() < ttl || !self.queue.is_idle() {
            return;
        }
        let unloaded = self.state.send_if_modified(|state| {
            let ready = matches!(state, State::Ready(_));
            if ready {
                *state = State::Empty;
            }
            ready
        });
        if unloaded {
            tracing::info!(model = %self.model, "unloaded: nobody asks for it");
        }
    }

    /// Puts a stand-in where the model would be, as if it had been loaded.
    #[cfg(test)]
    pub(crate) fn put(&self, loaded: Loaded) {
        let pool = threads::of_model(self.model, self.settings.threads, &self.source.turns);
        self.state
            .send_replace(self.ready_with(loaded, pool.unwrap(), 0));
    }

    /// A runner with a stand-in for the model.
    #[cfg(test)]
    pub(crate) fn stand_in(model: Model, loaded: Loaded) -> Self {
        let config = weights::StoreConfig::from_variables(|_| Some("/nonexistent".to_owned()));
        let placement = Placement::new(models::Precision::F32);
        let source = Source::new(Store::new(config.unwrap()), placement);
        let settings = RunnerSettings {
            threads: 1,
            max_batch: 8,
            caption_bytes: 1 << 20,
        };
        let runner = Self::new(model, Arc::new(source), settings);
        runner.put(loaded);
        runner
    }

    async fn ready(self: &Arc<Self>) -> Result<Arc<Ready>, Unavailable> {
        loop {
            self.begin_loading(false);
            let mut changes = self.state.subscribe();
            let state = changes
                .wait_for(|state| !matches!(state, State::Loading))
                .await;
            match state.as_deref() {
                Ok(State::Ready(ready)) => return Ok(Arc::clone(ready)),
                Ok(State::Fetching) => {
                    return Err(Unavailable("its weights are being downloaded".to_owned()));
                }
                Ok(State::Failed { reason, .. }) => return Err(Unavailable(reason.clone())),
                // It was unloaded in the same moment.
                Ok(State::Empty | State::Loading) | Err(_) => {}
            }
        }
    }

    fn touch(&self) {
        *self
            .last_used
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn bring_into_memory(&self, fetch: bool) {
        if fetch {
            if let Err(reason) = caught(|| Ok(self.source.fetch(self.model)?)) {
                // A download that failed says nothing of files that arrive by another way.
                return self.fail(reason, Duration::ZERO);
            }
            self.state.send_replace(State::Loading);
        }
        let ready = caught(|| {
            let _alone = self
                .source
                .reading
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let sha256 = self.source.known_sha256(self.model);
            let paths = self.source.locate(self.model)?;
            let pool = threads::of_model(self.model, self.settings.threads, &self.source.turns)?;
            let loaded = pool.install(|| self.model.load(&paths, &self.source.placement))?;
            let bytes = paths.iter().filter_map(|path| path.metadata().ok());
            let bytes = bytes.map(|file| file.len()).sum();
            Ok(self.ready_with(Loaded { sha256, ..loaded }, pool, bytes))
        });
        match ready {
            Ok(ready) => {
                self.touch();
                self.state.send_replace(ready);
            }
            Err(reason) => self.fail(reason, RETRY_AFTER),
        }
    }

    fn ready_with(&self, loaded: Loaded, pool: rayon::ThreadPool, weights_bytes: u64) -> State {
        if loaded.untrained {
            tracing::warn!(
                model = %self.model,
                "UNTRAINED WEIGHTS: this model's weights are seeded numbers, and its answers mean nothing"
            );
        }
        State::Ready(Arc::new(Ready {
            loaded,
            pool,
            weights_bytes,
        }))
    }

    fn fail(&self, reason: String, pause: Duration) {
        tracing::warn!(model = %self.model, reason, "model not available");
        let until = Instant::now() + pause;
        self.state.send_replace(State::Failed { reason, until });
    }

    /// Takes everything that is queued through the model.
    fn drain(&self, ready: &Ready) {
        let network = &ready.loaded.network;
        let most = match network {
            // Where one image keeps all cores busy for long, several together are no faster, and each waits for the last.
            Network::Encoder(_) if self.model.is_long() => 1,
            Network::Encoder(_) => self.settings.max_batch,
            Network::Detector(_) | Network::Captioner(_) => 1,
        };
        while let Some(batch) = self.queue.next_batch(most) {
            let turns = &self.source.turns;
            let _turn = turns.begin(self.model.is_long());
            let (began, others) = (std::time::Instant::now(), turns.at_work());
            let begun = self.begun.load(Ordering::Relaxed);
            // What a batch does is guarded; this is for what is done around it, as nobody else would go on with the queue.
            let done = catch_unwind(AssertUnwindSafe(|| self.run_batch(network, batch)));
            let done = done.unwrap_or_else(|panic| {
                let cause = panic_text(&*panic);
                tracing::error!(model = %self.model, cause, "a runner panicked");
                0
            });
            // With others at work it had but a share of the machine.
            let sharing = (others + turns.at_work()) as f64 / 2.0;
            let took = began.elapsed();
            self.workload.observe(done, took.div_f64(sharing.max(1.0)));
            let inputs = self.begun.load(Ordering::Relaxed) - begun;
            let observed = &self.source.observed;
            observed.tell(|it| it.ran(self.model, inputs, took));
            self.touch();
        }
    }

    /// The model begins with `entry`.
    fn begin(&self, entry: &mut Entry) {
        let waited = entry.begin();
        self.begun.fetch_add(1, Ordering::Relaxed);
        let observed = &self.source.observed;
        observed.tell(|it| it.waited(self.model, waited));
    }

    /// Takes `batch` through the model. Returns the units of what was answered.
    fn run_batch(&self, network: &Network, mut batch: Vec<Entry>) -> u64 {
        if !matches!(network, Network::Captioner(_)) {
            batch.iter_mut().for_each(|entry| self.begin(entry));
        }
        match network {
            Network::Encoder(encoder) => batch::encode(self.model, &**encoder, batch),
            Network::Detector(detector) => batch::detect(self.model, &**detector, batch),
            Network::Captioner(captioner) => captions::write(self, &**captioner, batch),
        }
    }
}

/// A panic is a failure like any other, and must not leave the model loading for ever.
fn caught<T>(work: impl FnOnce() -> Result<T, Box<dyn std::error::Error>>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("loading panicked: {}", panic_text(&*panic))),
    }
}

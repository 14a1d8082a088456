use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use engine::{Engine, MemoryPool};
use tokio::sync::Semaphore;

use crate::fetch::Fetcher;
use crate::http::Origins;
use crate::http::keys::Keys;
use crate::http::rate::Rate;
use crate::http::shares::Shares;
use crate::metrics::Metrics;

/// What the handlers share.
#[derive(Clone)]
pub struct AppState {
    pub(crate) engine: Arc<Engine>,
    pub(crate) fetcher: Arc<Fetcher>,
    pub(crate) limits: Arc<HttpLimits>,
    /// For the encoded images of all requests.
    pub(crate) encoded_memory: MemoryPool,
    /// Whom browsers may come from.
    pub origins: Arc<Origins>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who may ask, and how often.
    pub access: Arc<Access>,
    /// A place for each analysis request, from before its body is read until its answer is sent.
    pub(crate) in_flight: Arc<Shares>,
    /// One permit for each thread that reads JSON: parsing is work, and many large bodies at a time would take every core.
    pub(crate) json_threads: Arc<Semaphore>,
    /// What was to be loaded at start is there, or has failed.
    pub started: Arc<AtomicBool>,
}

/// Bodies of JSON that are read at a time.
const JSON_THREADS: usize = 2;

/// Who may ask, and how often.
#[derive(Debug, Default)]
pub struct Access {
    /// None lets everybody in.
    pub keys: Option<Arc<Keys>>,
    pub(crate) rate: Option<Rate>,
    /// `/metrics` wants no key.
    pub public_metrics: bool,
}

impl Access {
    /// Lets in who has one of `keys`, and so many of each caller's analysis requests a minute.
    #[must_use]
    pub fn new(keys: Arc<Keys>, requests_per_minute: Option<NonZeroU32>) -> Self {
        Self {
            keys: Some(keys),
            rate: requests_per_minute.map(Rate::new),
            public_metrics: false,
        }
    }
}

/// What the server takes from its clients.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Tasks in one request.
    pub max_tasks: usize,
    /// A task with a key that nobody reads is skipped.
    pub strict: bool,
    /// Bytes of one encoded image, uploaded or downloaded.
    pub max_image_bytes: usize,
    /// Bytes of the encoded images of all requests.
    pub encoded_bytes: u64,
    /// Bytes of the crops that one answer shows, in base64.
    pub max_crop_bytes: usize,
    /// Analysis requests at a time; the next one is answered 429.
    pub max_in_flight: usize,
    /// A client that sends nothing of its request, or takes next to nothing of its answer, for so long is given up.
    pub body_idle_timeout: Duration,
    /// An analysis that is not finished by then is answered 504; a client may ask for less by `x-timeout-ms`.
    pub request_timeout: Duration,
    /// Connections at a time, but for a few that are told so.
    pub max_connections: usize,
    /// After a stop signal, requests that are under way have so long to finish.
    pub shutdown_grace: Duration,
}

impl AppState {
    /// State, and metrics of `engine`, for a router that answers everybody with `engine`, under any host's name and to no page of another site.
    #[must_use]
    pub fn new(engine: Arc<Engine>, fetcher: Fetcher, limits: HttpLimits) -> Self {
        let metrics = Arc::new(Metrics::new(&engine));
        engine.set_observer(Arc::clone(&metrics) as _);
        let in_flight = Arc::new(Shares::new(limits.max_in_flight));
        Self {
            engine,
            metrics,
            fetcher: Arc::new(fetcher),
            encoded_memory: MemoryPool::new(limits.encoded_bytes),
            limits: Arc::new(limits),
            origins: Arc::default(),
            access: Arc::default(),
            in_flight,
            json_threads: Arc::new(Semaphore::new(JSON_THREADS)),
            started: Arc::new(AtomicBool::new(true)),
        }
    }
}

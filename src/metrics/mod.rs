//! What happens here, in numbers for Prometheus. Every series is there from the start, and no label's value is a client's.

mod engine_observer;
mod fetching;
mod refusals;
mod routes;

use std::time::Duration;

use engine::{Engine, Lookup, MemoryPool, ModelState, PoolStatus, Stage, Timings};
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

pub(crate) use fetching::Fetching;
pub(crate) use refusals::Refusal;

/// Seconds, from a look at the health to a long text.
const SECONDS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];
/// Inputs that go through a model together.
const INPUTS: [f64; 8] = [1.0, 2.0, 4.0, 6.0, 8.0, 16.0, 32.0, 64.0];
const STAGES: [Stage; 8] = [
    Stage::Receive,
    Stage::Download,
    Stage::Queue,
    Stage::Decode,
    Stage::Crop,
    Stage::Prepare,
    Stage::Png,
    Stage::Classify,
];

/// All that is counted and measured.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    /// Requests whose answers' last bytes are not written yet.
    pub(crate) in_flight: IntGauge,
    requests_refused: IntCounterVec,
    images_refused: IntCounterVec,
    fetches: IntCounterVec,
    lookups: IntCounterVec,
    stage_seconds: HistogramVec,
    wait_seconds: HistogramVec,
    run_seconds: HistogramVec,
    batch_inputs: HistogramVec,
    queue_depth: IntGaugeVec,
    model_state: IntGaugeVec,
    model_bytes: IntGaugeVec,
    pool_bytes: IntGaugeVec,
    pool_used: IntGaugeVec,
    places: IntGauge,
    places_taken: IntGauge,
    kept_bytes: IntGauge,
    resident_bytes: IntGauge,
}

/// What the server has beside the engine.
pub(crate) struct Pools<'a> {
    /// For encoded images.
    pub(crate) encoded: &'a MemoryPool,
    /// Taken, and all.
    pub(crate) places: (usize, usize),
}

impl Metrics {
    /// Metrics of `engine`'s models, all zero.
    ///
    /// # Panics
    /// If two metrics have one name, which a test would have found.
    pub(crate) fn new(engine: &Engine) -> Self {
        let registry = Registry::new_custom(Some("image_embed".to_owned()), None);
        let registry = registry.expect("the prefix is a metric's");
        let new = Families(&registry);
        let metrics = Self {
            requests: new.counters("http_requests_total", "Requests answered; 499: the client went away before.", &["route", "status"]),
            request_seconds: new.histograms("http_request_duration_seconds", "From a request's head to its answer's last byte.", &["route"], &SECONDS),
            in_flight: new.gauge("http_requests_in_flight", "Requests whose answers' last bytes are not written yet."),
            requests_refused: new.counters("requests_refused_total", "Requests refused for another reason than their image.", &["reason"]),
            images_refused: new.counters("images_refused_total", "Images that were not analysed.", &["reason"]),
            fetches: new.counters("fetches_total", "Images fetched by URL.", &["outcome"]),
            lookups: new.counters("image_lookups_total", "Images of requests: with kept results, shared with another request under way, or neither.", &["result"]),
            stage_seconds: new.histograms("stage_duration_seconds", "Time that requests spent in a stage; a model is a stage.", &["stage"], &SECONDS),
            wait_seconds: new.histograms("model_queue_wait_seconds", "Time that inputs waited for their model.", &["model"], &SECONDS),
            run_seconds: new.histograms("model_run_seconds", "Time that batches took in their model.", &["model"], &SECONDS),
            batch_inputs: new.histograms("model_batch_inputs", "Inputs that went through a model together.", &["model"], &INPUTS),
            queue_depth: new.gauges("model_queue_depth", "Inputs that wait for their model.", &["model"]),
            model_state: new.gauges("model_state", "1 for the state that a model is in.", &["model", "state"]),
            model_bytes: new.gauges("model_weights_bytes", "Size of the weights files of a model in memory; 0 if it is not in memory.", &["model"]),
            pool_bytes: new.gauges("memory_pool_bytes", "Memory that requests share.", &["pool"]),
            pool_used: new.gauges("memory_pool_used_bytes", "Memory that requests have of a pool.", &["pool"]),
            places: new.gauge("analysis_places", "Analysis requests that may be here at a time."),
            places_taken: new.gauge("analysis_places_taken", "Analysis requests that are here."),
            kept_bytes: new.gauge("kept_results_bytes", "Results that are kept for later requests."),
            resident_bytes: new.gauge("resident_memory_bytes", "Memory of the process that is resident."),
            registry: registry.clone(),
        };
        let version = new.gauges("build_info", "1, with the program's version.", &["version"]);
        version
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        metrics.begin(engine);
        metrics
    }

    /// Has every series there at zero.
    fn begin(&self, engine: &Engine) {
        for (route, statuses) in routes::ROUTES {
            self.request_seconds.with_label_values(&[route]);
            for status in *statuses {
                self.requests.with_label_values(&[*route, *status]);
            }
        }
        for reason in refusals::OF_REQUESTS {
            self.requests_refused.with_label_values(&[reason]);
        }
        for reason in refusals::OF_IMAGES {
            self.images_refused.with_label_values(&[reason]);
        }
        for outcome in fetching::OUTCOMES {
            self.fetches.with_label_values(&[outcome]);
        }
        for lookup in Lookup::ALL {
            self.lookups.with_label_values(&[lookup.name()]);
        }
        for stage in STAGES {
            self.stage_seconds.with_label_values(&[stage.name()]);
        }
        for (model, _) in engine.status().models {
            let name = &[model.name()];
            self.stage_seconds.with_label_values(name);
            self.wait_seconds.with_label_values(name);
            self.run_seconds.with_label_values(name);
            self.batch_inputs.with_label_values(name);
        }
    }

    /// The label for a route that the router has matched, or for none.
    pub(crate) fn route(matched: Option<&str>) -> &'static str {
        routes::label(matched)
    }

    /// A request has ended.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests
            .with_label_values(&[route, &status.to_string()])
            .inc();
        self.request_seconds
            .with_label_values(&[route])
            .observe(took.as_secs_f64());
    }

    /// A request was refused.
    pub(crate) fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Request(reason) => self.requests_refused.with_label_values(&[reason]).inc(),
            Refusal::Image(reason) => self.images_refused.with_label_values(&[reason]).inc(),
        }
    }

    /// How long each stage of a request took.
    pub(crate) fn stages(&self, timings: &Timings) {
        for (stage, took) in timings.iter() {
            let stage = self.stage_seconds.with_label_values(&[stage.name()]);
            stage.observe(took.as_secs_f64());
        }
    }

    /// All of them as text, for which the gauges are read now.
    pub(crate) fn text(&self, engine: &Engine, pools: &Pools<'_>) -> prometheus::Result<Vec<u8>> {
        let status = engine.status();
        for (model, status) in &status.models {
            let name = model.name();
            let queued = self.queue_depth.with_label_values(&[name]);
            queued.set(whole(status.queued as u64));
            let bytes = self.model_bytes.with_label_values(&[name]);
            bytes.set(whole(status.weights_bytes));
            for state in ModelState::ALL {
                let series = self.model_state.with_label_values(&[name, state.name()]);
                series.set(i64::from(state == status.state));
            }
        }
        let encoded = PoolStatus::of("encoded", pools.encoded);
        for pool in status.pools.into_iter().chain([encoded]) {
            let all = self.pool_bytes.with_label_values(&[pool.name]);
            all.set(whole(pool.bytes));
            let used = self.pool_used.with_label_values(&[pool.name]);
            used.set(whole(pool.used));
        }
        self.places_taken.set(whole(pools.places.0 as u64));
        self.places.set(whole(pools.places.1 as u64));
        self.kept_bytes.set(whole(status.kept_bytes));
        self.resident_bytes
            .set(whole(resident_bytes().unwrap_or(0)));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The second number of `statm`, in pages.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Makes families of metrics that are registered.
struct Families<'a>(&'a Registry);

impl Families<'_> {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(HistogramVec::new(options, labels))
    }

    fn registered<T: prometheus::core::Collector + Clone + 'static>(
        &self,
        family: prometheus::Result<T>,
    ) -> T {
        let family = family.expect("the name and the labels are as they must be");
        let registered = self.0.register(Box::new(family.clone()));
        registered.expect("no two families have one name");
        family
    }
}

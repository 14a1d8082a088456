//! Tasks JSON from a stranger: whatever is accepted has unique ids and is answered, a result a task.

#![no_main]

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use engine::{Engine, EngineConfig, Lineup, MemoryBudget};
use image_embed::wire::{AnalyzeResponse, Reading, parse_request, parse_tasks};
use imaging::{ExifOrientation, Limits, RgbImage};
use libfuzzer_sys::fuzz_target;
use models::{Placement, Precision};
use tokio::runtime::{Builder, Runtime};
use weights::{Store, StoreConfig};

const MAX_TASKS: usize = 64;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());
static PNG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    imaging::encode_png(&RgbImage::from_raw(1, 1, vec![0; 3]).unwrap()).unwrap()
});
/// Without weights: what is fuzzed is the plan, not the models.
static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let mut store = StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap();
    store.offline = true;
    let config = EngineConfig {
        store: Store::new(store),
        classifiers_dir: None,
        placement: Placement::new(Precision::F32),
        lineup: Lineup::default(),
        max_batch: NonZeroUsize::MIN,
        memory: MemoryBudget::of(64 << 20),
        cache_bytes: 0,
        threads: NonZeroUsize::MIN,
        image_limits: Limits::default(),
        exif_orientation: ExifOrientation::Ignore,
    };
    Arc::new(Engine::new(config).unwrap())
});

fuzz_target!(|json: &[u8]| {
    let reading = Reading { max_tasks: MAX_TASKS, strict: json.len() % 2 == 0 };
    let requests = [parse_tasks(json, reading), parse_request(json, reading)];
    for request in requests.into_iter().flatten() {
        let list = request.tasks;
        let tasks = list.tasks();
        let ignored = request.ignored.to_string();
        assert!(ignored.len() < 1000 && ignored.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert!(tasks.len() <= MAX_TASKS);
        let analysis = RUNTIME.block_on(ENGINE.analyze(PNG.clone().into(), &list, request.exif_orientation, None)).unwrap();
        let answered: Vec<_> = analysis.results.keys().cloned().collect();
        let asked: Vec<_> = tasks.iter().map(|task| task.operation_id.clone()).collect();
        assert_eq!(answered, asked, "a result a task, in their order, so ids are unique");
        for result in analysis.results.values() {
            assert!(result.error_message.as_ref().is_none_or(|text| text.len() < 1000));
        }
        serde_json::to_vec(&AnalyzeResponse::new(String::new(), analysis, usize::MAX)).unwrap();
    }
});

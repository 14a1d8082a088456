mod classifiers;
mod sharing;

use imaging::RgbImage;
use models::{
    CaptionError, CaptionOptions, CaptionWriter, DetectError, EncodeError, EndedCaption,
    ImageCaptioner, ImageEncoder, Interrupt, Pixels, Precision, PromptError, Recipe,
};
use serde_json::json;
use weights::StoreConfig;

use super::*;
use crate::embedding::Embedding;
use crate::network::{Loaded, Network, ObjectDetector};
use crate::result::{Data, Detection, Status};
use crate::task::Task;

/// Gives `vectors` vectors for whatever it is shown.
#[derive(Debug)]
struct StandIn {
    vectors: usize,
}

impl ImageEncoder for StandIn {
    fn recipe(&self) -> Recipe {
        models::clip::Variant::VitB32.recipe()
    }

    fn dims(&self) -> usize {
        2
    }

    fn encode(
        &self,
        images: &[&Pixels],
        _interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        assert_eq!(images.len(), 1);
        Ok(vec![vec![3.0, 4.0]; self.vectors])
    }
}

/// Says how long a text may be.
#[derive(Debug)]
struct Narrator;

impl ImageCaptioner for Narrator {
    fn image_bytes(&self) -> usize {
        1
    }

    fn text_bytes(&self, _options: &CaptionOptions) -> Result<usize, PromptError> {
        Ok(1)
    }

    fn writer(&self) -> Box<dyn CaptionWriter + '_> {
        Box::new(Written(Vec::new()))
    }
}

/// What the [`Narrator`] has begun.
#[derive(Debug)]
struct Written(Vec<(u64, String)>);

impl CaptionWriter for Written {
    fn look(
        &mut self,
        _key: u64,
        _image: &Pixels,
        _interrupt: Interrupt<'_>,
    ) -> Result<(), CaptionError> {
        Ok(())
    }

    fn forget(&mut self, _key: u64) {}

    fn begin(
        &mut self,
        key: u64,
        _image: u64,
        options: &CaptionOptions,
    ) -> Result<(), PromptError> {
        self.0.push((key, options.max_length.to_string()));
        Ok(())
    }

    fn give_up(&mut self, key: u64) {
        self.0.retain(|(text, _)| *text != key);
    }

    fn step(&mut self, _interrupt: Interrupt<'_>) -> Result<Vec<EndedCaption>, CaptionError> {
        Ok(self
            .0
            .drain(..)
            .map(|(key, text)| (key, Ok(text)))
            .collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// Finds the whole image, unless that is too wide for it.
#[derive(Debug)]
struct Finder {
    widest: u32,
}

impl ObjectDetector for Finder {
    fn detect(
        &self,
        image: &RgbImage,
        _interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError> {
        let (width, height) = (image.width(), image.height());
        if width > self.widest {
            return Err(DetectError::TooLarge { width, height });
        }
        Ok(vec![Detection {
            bbox: [0.0, 0.0, width as f32, height as f32],
            score: 0.9,
            landmarks: None,
        }])
    }
}

/// An engine without weights and classifiers.
fn engine() -> Arc<Engine> {
    engine_with(None)
}

/// An engine without weights.
fn engine_with(classifiers_dir: Option<PathBuf>) -> Arc<Engine> {
    engine_of(models::clip::Variant::VitB32, classifiers_dir)
}

/// An engine without weights, of another CLIP.
fn engine_of(clip_variant: models::clip::Variant, classifiers_dir: Option<PathBuf>) -> Arc<Engine> {
    let mut config = config(classifiers_dir);
    config.lineup.clip = Model::clip(clip_variant);
    Arc::new(Engine::new(config).unwrap())
}

/// Without weights, on one thread.
fn config(classifiers_dir: Option<PathBuf>) -> EngineConfig {
    let mut store = StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap();
    store.offline = true;
    EngineConfig {
        store: Store::new(store),
        classifiers_dir,
        placement: Placement::new(Precision::F32),
        lineup: Lineup::default(),
        threads: NonZeroUsize::MIN,
        max_batch: NonZeroUsize::MIN,
        memory: MemoryBudget::of(64 << 20),
        cache_bytes: 0,
        image_limits: Limits::default(),
        exif_orientation: ExifOrientation::Ignore,
    }
}

fn encoder(vectors: usize, untrained: bool) -> Loaded {
    Loaded::new(Network::Encoder(Box::new(StandIn { vectors })), untrained)
}

fn detector(widest: u32, untrained: bool) -> Loaded {
    Loaded::new(Network::Detector(Box::new(Finder { widest })), untrained)
}

/// Puts a stand-in where the model of `role` would be.
fn put(engine: &Engine, role: Role, loaded: Loaded) {
    engine.machine.runners[&engine.model(role)].put(loaded);
}

/// One task an operation, of its default target.
async fn analyze(engine: &Arc<Engine>, operations: &[&str]) -> Analysis {
    let tasks = operations.iter().map(|operation| Task {
        operation_id: (*operation).to_owned(),
        operation: (*operation).to_owned(),
        params: json!({ "normalize": true }).as_object().unwrap().clone(),
        refused: None,
    });
    answer(engine, tasks.collect()).await
}

/// Two by one pixels, analysed.
async fn answer(engine: &Arc<Engine>, tasks: Vec<Task>) -> Analysis {
    let image = RgbImage::from_raw(2, 1, vec![0; 6]).unwrap();
    let tasks = TaskList::new(tasks, 10).unwrap();
    let image = imaging::encode_png(&image).unwrap();
    engine
        .analyze(image.into(), &tasks, None, None)
        .await
        .unwrap()
}

/// A box of the person, one of the person's face, and one of any face.
async fn boxes(engine: &Arc<Engine>) -> Analysis {
    let task = |operation_id: &str, params: serde_json::Value| Task {
        operation_id: operation_id.to_owned(),
        operation: "detect_bounding_box".to_owned(),
        params: params.as_object().unwrap().clone(),
        refused: None,
    };
    let any_face = json!({ "target": "prominent_face", "face_context": "whole_image" });
    let tasks = vec![
        task("person", json!({})),
        task("face", json!({ "target": "prominent_face" })),
        task("any face", any_face),
    ];
    answer(engine, tasks).await
}

const BOTH: [&str; 2] = ["embed_clip_vit_b_32", "embed_dino_v2"];

#[tokio::test]
async fn a_captioner_describes_once_it_is_there() {
    let engine = engine();
    let missing = analyze(&engine, &["describe_image"]).await;
    let missing = &missing.results["describe_image"];
    assert_eq!(missing.status, Status::Error);
    let message = missing.error_message.as_deref().unwrap();
    assert!(message.contains("blip-image-captioning-large"), "{message}");

    let engine = self::engine();
    let narrator = Loaded::new(Network::Captioner(Box::new(Narrator)), true);
    put(&engine, Role::Captions, narrator);
    let analysis = analyze(&engine, &["describe_image"]).await;
    let described = &analysis.results["describe_image"];
    assert_eq!(described.data, Some(Data::Text("50".to_owned())));
    let blip = engine.model(Role::Captions);
    assert_eq!(analysis.untrained, [blip]);
    let mut stages = analysis.timings.iter();
    assert!(stages.any(|(stage, _)| stage == Stage::Model(blip)));
}

#[tokio::test]
async fn an_encoder_without_weights_costs_only_its_own_tasks() {
    let engine = engine();
    put(&engine, Role::DinoV2, encoder(1, false));
    let analysis = analyze(&engine, &BOTH).await;
    let [clip, dinov2] = BOTH.map(|operation| &analysis.results[operation]);
    assert_eq!(clip.status, Status::Error);
    let message = clip.error_message.as_deref().unwrap();
    assert!(
        message.starts_with("model clip-vit-b-32 is not available"),
        "{message}"
    );
    let Some(Data::Embedding(Embedding { values, .. })) = &dinov2.data else {
        panic!("{dinov2:?}");
    };
    assert_eq!(values, &[0.6, 0.8]);
}

#[tokio::test]
async fn a_person_detector_without_weights_leaves_faces_of_the_whole_image() {
    let engine = engine();
    put(&engine, Role::Faces, detector(9, false));
    let results = boxes(&engine).await.results;
    let message = |id: &str| {
        assert_eq!(results[id].status, Status::Error);
        results[id].error_message.clone().unwrap()
    };
    let missing = message("person");
    assert!(
        missing.starts_with("model fasterrcnn-resnet50-fpn is not available")
            && missing.contains("image-embed models pull fasterrcnn-resnet50-fpn"),
        "{missing}"
    );
    let way_out = "; with face_context 'whole_image' no person is needed";
    assert_eq!(message("face"), missing + way_out);
    assert_eq!(results["any face"].data, Some(Data::Bbox([0, 0, 2, 1])));
}

#[tokio::test]
async fn an_image_that_the_person_detector_refuses_still_has_faces() {
    let engine = engine();
    put(&engine, Role::Faces, detector(9, false));
    put(&engine, Role::Persons, detector(1, false));
    let results = boxes(&engine).await.results;
    assert_eq!(results["person"].status, Status::Error);
    assert_eq!(
        results["person"].error_message.as_deref(),
        Some("fasterrcnn-resnet50-fpn failed: an image of 2x1 pixels is too large to search")
    );
    assert_eq!(results["face"].status, Status::Error);
    assert_eq!(results["any face"].data, Some(Data::Bbox([0, 0, 2, 1])));
}

#[tokio::test]
async fn an_answer_names_the_untrained_models_that_its_tasks_needed() {
    let engine = engine();
    put(&engine, Role::Clip, encoder(1, true));
    put(&engine, Role::DinoV2, encoder(1, true));
    put(&engine, Role::Persons, detector(9, true));
    put(&engine, Role::Faces, detector(9, false));
    assert_eq!(
        analyze(&engine, &BOTH).await.untrained,
        [engine.model(Role::Clip), engine.model(Role::DinoV2)]
    );
    assert_eq!(
        analyze(&engine, &BOTH[1..]).await.untrained,
        [engine.model(Role::DinoV2)]
    );
    assert_eq!(
        boxes(&engine).await.untrained,
        [engine.model(Role::Persons)]
    );
    assert!(analyze(&engine, &[]).await.untrained.is_empty());
    assert!(engine.info(engine.model(Role::Clip)).untrained);
    assert!(!engine.info(engine.model(Role::Faces)).untrained);
}

#[tokio::test]
async fn a_model_that_gives_too_few_or_too_many_vectors_is_an_error() {
    for vectors in [0, 2] {
        let engine = engine();
        put(&engine, Role::Clip, encoder(vectors, false));
        let analysis = analyze(&engine, &BOTH[..1]).await;
        let result = &analysis.results[BOTH[0]];
        assert_eq!(result.status, Status::Error);
        assert_eq!(
            result.error_message.as_deref(),
            Some(&*format!(
                "clip-vit-b-32 failed: it gave {vectors} vectors for 1 images"
            ))
        );
    }
}

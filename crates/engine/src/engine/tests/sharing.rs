//! Requests that are there at the same time, and requests that come later.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::admission::Overloaded;

/// Counts its images, and takes a while for each; while it is held, it finishes none.
#[derive(Clone, Debug, Default)]
struct Counting {
    images: Arc<AtomicUsize>,
    held: Arc<AtomicBool>,
}

impl Counting {
    fn count(&self) -> usize {
        self.images.load(Ordering::SeqCst)
    }

    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::SeqCst);
    }
}

impl ImageEncoder for Counting {
    fn recipe(&self) -> Recipe {
        models::clip::Variant::VitB32.recipe()
    }

    fn dims(&self) -> usize {
        1
    }

    fn encode(
        &self,
        images: &[&Pixels],
        interrupt: Interrupt<'_>,
    ) -> Result<Vec<Vec<f32>>, EncodeError> {
        self.images.fetch_add(images.len(), Ordering::SeqCst);
        let mut steps = 0;
        while steps < 100 || self.held.load(Ordering::SeqCst) {
            interrupt.check()?;
            std::thread::sleep(Duration::from_millis(1));
            steps += 1;
        }
        Ok(images.iter().map(|image| vec![image.values()[0]]).collect())
    }
}

/// Sees what it is told, and counts how often it looks.
#[derive(Clone, Debug, Default)]
struct Sees(Vec<Detection>, Arc<AtomicUsize>);

impl ObjectDetector for Sees {
    fn detect(
        &self,
        _image: &RgbImage,
        _interrupt: Interrupt<'_>,
    ) -> Result<Vec<Detection>, DetectError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(self.0.clone())
    }
}

fn counting(cache_bytes: u64) -> (Arc<Engine>, Counting) {
    let mut config = config(None);
    config.cache_bytes = cache_bytes;
    let engine = Arc::new(Engine::new(config).unwrap());
    let counting = Counting::default();
    let network = Network::Encoder(Box::new(counting.clone()));
    put(&engine, Role::Clip, Loaded::new(network, false));
    (engine, counting)
}

fn png(grey: u8) -> Bytes {
    let image = RgbImage::from_raw(2, 1, vec![grey; 6]).unwrap();
    imaging::encode_png(&image).unwrap().into()
}

fn clip_task() -> TaskList {
    let task = Task {
        operation_id: "a".to_owned(),
        operation: BOTH[0].to_owned(),
        params: serde_json::Map::new(),
        refused: None,
    };
    TaskList::new(vec![task], 1).unwrap()
}

async fn vector(engine: Arc<Engine>, image: Bytes) -> Option<Data> {
    let analysis = engine
        .analyze(image, &clip_task(), None, None)
        .await
        .unwrap();
    analysis.results["a"].data.clone()
}

#[tokio::test]
async fn two_requests_for_one_picture_compute_it_once_and_later_ones_again() {
    let (engine, counting) = counting(0);
    let ask = |grey| tokio::spawn(vector(Arc::clone(&engine), png(grey)));
    let (one, same, other) = (ask(1), ask(1), ask(2));
    let one = one.await.unwrap();
    assert!(one.is_some());
    assert_eq!(same.await.unwrap(), one);
    assert_ne!(other.await.unwrap(), one);
    assert_eq!(counting.count(), 2);
    assert_eq!(ask(1).await.unwrap(), one);
    assert_eq!(counting.count(), 3);
}

#[tokio::test]
async fn if_the_first_gives_up_the_second_still_gets_its_answer() {
    let (engine, counting) = counting(0);
    let ask = || tokio::spawn(vector(Arc::clone(&engine), png(1)));
    let (first, second) = (ask(), ask());
    while counting.count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.abort();
    assert!(second.await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_computed_before_is_kept_up_to_a_size() {
    let (engine, counting) = counting(64 << 10);
    let first = vector(Arc::clone(&engine), png(1)).await;
    assert_eq!(vector(Arc::clone(&engine), png(1)).await, first);
    assert_eq!(counting.count(), 1);
    let (engine, counting) = self::counting(100);
    for _ in 0..2 {
        vector(Arc::clone(&engine), png(1)).await;
    }
    assert_eq!(counting.count(), 2, "too large to be kept");
}

fn put_detectors(engine: &Arc<Engine>, sees: &Sees) {
    for role in [Role::Faces, Role::Persons] {
        let network = Network::Detector(Box::new(sees.clone()));
        put(engine, role, Loaded::new(network, false));
    }
}

fn face_task() -> TaskList {
    let task = Task {
        operation_id: "a".to_owned(),
        operation: BOTH[0].to_owned(),
        params: [("target".to_owned(), "prominent_face".into())]
            .into_iter()
            .collect(),
        refused: None,
    };
    TaskList::new(vec![task], 1).unwrap()
}

#[tokio::test]
async fn that_there_is_no_face_is_kept_too() {
    let (engine, _) = counting(64 << 10);
    let nobody = Sees::default();
    put_detectors(&engine, &nobody);
    for _ in 0..2 {
        let analysis = engine
            .analyze(png(1), &face_task(), None, None)
            .await
            .unwrap();
        assert_eq!(analysis.results["a"].status, Status::Skipped);
    }
    let looks = nobody.1.load(Ordering::SeqCst);
    assert_eq!(looks, 2, "once for a person, once for a face");
}

#[tokio::test(start_paused = true)]
async fn a_crop_for_which_there_is_no_memory_is_left_out_and_the_answer_stays() {
    for cache_bytes in [0, 64 << 10] {
        let (engine, _) = counting(cache_bytes);
        let bbox = [0.0, 0.0, 2.0, 1.0];
        let one = Detection {
            bbox,
            score: 1.0,
            landmarks: None,
        };
        put_detectors(&engine, &Sees(vec![one], Arc::default()));
        let shown = engine.machine.shown_memory.clone();
        let all = shown.share(u64::MAX).await;
        let answer = async || {
            engine
                .analyze(png(1), &face_task(), None, None)
                .await
                .unwrap()
        };
        let without = answer().await.results["a"].clone();
        assert_eq!(without.status, Status::Success);
        assert!(without.data.is_some() && without.crop.is_none());
        let why = without.error_message.unwrap();
        assert!(why.contains("left out"), "{why}");
        let total = shown.free();
        drop(all);
        let total = shown.free() - total;

        let with = answer().await.results["a"].clone();
        assert_eq!(with.data, without.data);
        assert!(with.crop.is_some() && with.error_message.is_none());
        let kept = cache_bytes > 0;
        let held = total - shown.free();
        assert_eq!(held > 0, !kept, "what is kept is counted by the cache");
        drop(with);
        assert_eq!(shown.free(), total, "given back with the answer");
    }
}

/// Waits for `event`, and fails where it would not come: a model that is held finishes nothing.
async fn soon<T>(event: impl Future<Output = T>) -> T {
    let event = tokio::time::timeout(Duration::from_secs(30), event);
    event.await.expect("this would be waited for without end")
}

/// Waits until the engine has promised `work`; the model is held, so none of it is done meanwhile.
async fn promised(engine: &Engine, work: Duration) {
    soon(async {
        while engine.backlog() < work {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(engine.backlog(), work);
}

/// How long an image takes, as the engine has learned it from one.
async fn learned(engine: &Arc<Engine>) -> Duration {
    vector(Arc::clone(engine), png(1)).await;
    let runner = &engine.machine.runners[&engine.model(Role::Clip)];
    // A batch's time is noted once its answers are out.
    soon(async {
        while runner.workload.time(1).is_zero() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let time = runner.workload.time(1);
    assert!(time >= Duration::from_millis(100), "{time:?}");
    time
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_in_time_is_refused_at_once() {
    let (engine, counting) = counting(0);
    let time = learned(&engine).await;
    counting.hold(true);
    let waiting: Vec<_> = (2..12)
        .map(|grey| tokio::spawn(vector(Arc::clone(&engine), png(grey))))
        .collect();
    promised(&engine, time * 10).await;
    // While the model is held, a request that waited for it would wait for ever, as its deadline is looked at by whoever asks.
    let deadline = Some(Instant::now() + time * 10);
    let refused = soon(engine.analyze(png(99), &clip_task(), None, deadline)).await;
    let Err(AnalyzeError::Overloaded(overloaded @ Overloaded::Late { expected, allowed })) =
        refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(expected, time * 11, "its own image behind ten");
    assert!(allowed <= time * 10, "{allowed:?}");
    let excess = (expected - allowed).max(Duration::from_secs(1));
    assert_eq!(overloaded.retry_after(), excess);
    assert_eq!(engine.backlog(), time * 10, "it was promised nothing");
    counting.hold(false);
    let patient = Instant::now() + time * 10_000;
    assert!(
        engine
            .analyze(png(98), &clip_task(), None, Some(patient))
            .await
            .is_ok()
    );
    for answer in waiting {
        assert!(answer.await.unwrap().is_some());
    }
    assert_eq!(engine.backlog(), Duration::ZERO, "nothing is left behind");
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_work_behind() {
    let (engine, counting) = counting(0);
    let time = learned(&engine).await;
    counting.hold(true);
    let gone = tokio::spawn(vector(Arc::clone(&engine), png(2)));
    promised(&engine, time).await;
    gone.abort();
    assert!(gone.await.is_err());
    assert_eq!(engine.backlog(), Duration::ZERO);
}

#[tokio::test]
async fn images_wait_for_memory_and_one_larger_than_all_has_it_for_itself() {
    let mut config = config(None);
    config.memory = MemoryBudget {
        pixels: 1024,
        captions: 0,
        retained: 0,
        encoded: 0,
        shown: 1024,
    };
    let engine = Arc::new(Engine::new(config).unwrap());
    let network = Network::Encoder(Box::new(Counting::default()));
    put(&engine, Role::Clip, Loaded::new(network, false));
    let image = RgbImage::from_raw(64, 64, vec![7; 64 * 64 * 3]).unwrap();
    let large: Bytes = imaging::encode_png(&image).unwrap().into();
    let asked = [large, png(1), png(2)].map(|it| tokio::spawn(vector(Arc::clone(&engine), it)));
    for answer in asked {
        assert!(answer.await.unwrap().is_some());
    }
    assert_eq!(engine.machine.pixel_memory.free(), 1024);
}

/// Two by one pixels, to be turned by a quarter as their `eXIf` chunk says.
fn turned_png() -> Bytes {
    let exif = b"eXIfMM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let crc = !exif.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    });
    let mut chunk = (exif.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend(exif);
    chunk.extend(crc.to_be_bytes());
    let mut png = png(7).to_vec();
    // After the signature and the header.
    png.splice(33..33, chunk);
    png.into()
}

#[tokio::test]
async fn a_picture_that_one_request_turns_and_another_does_not_is_two_pictures() {
    let (engine, counting) = counting(1 << 20);
    let ask = async |image: Bytes, orientation| {
        let tasks = clip_task();
        let analysis = engine.analyze(image, &tasks, Some(orientation), None);
        analysis.await.unwrap().ignored_orientation
    };
    let (turned, stored) = tokio::join!(
        ask(turned_png(), ExifOrientation::Apply),
        ask(turned_png(), ExifOrientation::Ignore)
    );
    assert_eq!((turned, stored), (None, Some(6)));
    assert_eq!(counting.count(), 2);
    assert_eq!(ask(turned_png(), ExifOrientation::Ignore).await, Some(6));
    assert_eq!(counting.count(), 2, "that was kept");
    let upright = tokio::join!(
        ask(png(7), ExifOrientation::Apply),
        ask(png(7), ExifOrientation::Ignore)
    );
    assert_eq!(upright, (None, None));
    assert_eq!(counting.count(), 3, "it is one picture");
}

//! The cascade's edges, on formula weights.

mod mutations;

use imaging::RgbImage;
use weights::Checkpoint;

use super::goldens::{decided_checkpoint, f32_placement};
use super::pyramid::{Level, Strip, levels, strips};
use super::{Face, Mtcnn, onet, pnet, rnet, sort_as_served};
use crate::interrupt::tests::questions;
use crate::{DetectError, Interrupt};

fn networks() -> [Checkpoint; 3] {
    [
        decided_checkpoint("pnet", pnet::tests::TENSORS, 30.0),
        decided_checkpoint("rnet", rnet::tests::TENSORS, 30.0),
        decided_checkpoint("onet", onet::tests::TENSORS, -30.0),
    ]
}

fn mtcnn() -> anyhow::Result<Mtcnn> {
    let [pnet, rnet, onet] = networks();
    Ok(Mtcnn::from_checkpoints(
        &pnet,
        &rnet,
        &onet,
        &f32_placement(),
    )?)
}

fn picture(width: u32, height: u32) -> RgbImage {
    let pixels = (0..width * height * 3)
        .map(|i| (i * 7919 % 251) as u8)
        .collect();
    RgbImage::from_raw(width, height, pixels).unwrap()
}

/// These weights find boxes everywhere, so every stage has work to do, at every edge of the image.
#[test]
fn odd_images_are_searched_without_a_panic() -> anyhow::Result<()> {
    let mtcnn = mtcnn()?;
    let mut found = 0;
    for (width, height) in [(20, 20), (21, 500), (700, 20), (64, 48), (97, 131)] {
        let faces = mtcnn.detect(&picture(width, height), Interrupt::NEVER)?;
        assert!(faces.is_sorted_by(|a, b| a.score >= b.score));
        assert!(
            faces
                .iter()
                .all(|face| face.score > 0.7 && face.score <= 1.0)
        );
        found += faces.len();
    }
    assert!(found > 20, "{found} faces");
    Ok(())
}

/// Upstream raises on them: it has no level to search.
#[test]
fn images_below_the_smallest_face_have_no_face() -> anyhow::Result<()> {
    let mtcnn = mtcnn()?;
    for (width, height) in [(0, 0), (1, 1), (19, 400), (400, 19), (0, 7)] {
        assert_eq!(mtcnn.detect(&picture(width, height), Interrupt::NEVER)?, []);
    }
    Ok(())
}

/// Every strip is asked about, every crop and every batch of crops.
#[test]
fn a_search_that_nobody_waits_for_ends() -> anyhow::Result<()> {
    let (mtcnn, image) = (mtcnn()?, picture(97, 131));
    let asked = questions(
        |interrupt| mtcnn.detect(&image, interrupt),
        |error| matches!(error, DetectError::Interrupted(_)),
    );
    let levels = levels(131, 97);
    let strips = strips(&levels);
    let proposed = mtcnn
        .propose(&image, &levels, &strips, Interrupt::NEVER)?
        .len();
    assert!(
        asked > strips.len() + proposed,
        "{asked} questions, {proposed} proposals"
    );
    Ok(())
}

/// And so do pools of any size.
#[test]
fn strips_propose_what_whole_levels_propose() -> anyhow::Result<()> {
    let mtcnn = mtcnn()?;
    let image = picture(190, 333);
    let levels = levels(333, 190);
    let strips = strips(&levels);
    let in_pieces = mtcnn.propose(&image, &levels, &strips, Interrupt::NEVER)?;
    let rows_of = |level| strips.iter().filter(move |strip| strip.level == level);
    let whole = levels
        .iter()
        .enumerate()
        .map(|(level, &Level { height, .. })| Strip {
            level,
            answers: 0..rows_of(level).map(|strip| strip.answers.len()).sum(),
            rows: 0..height,
        });
    let whole: Vec<_> = whole.collect();
    assert!(whole.len() < strips.len());
    let whole = mtcnn.propose(&image, &levels, &whole, Interrupt::NEVER)?;
    assert!(in_pieces.len() > 500, "{} proposals", in_pieces.len());
    assert_eq!(in_pieces, whole);
    let faces = mtcnn.detect(&image, Interrupt::NEVER)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build()?;
    assert_eq!(
        pool.install(|| mtcnn.detect(&image, Interrupt::NEVER))?,
        faces
    );
    Ok(())
}

#[test]
fn a_file_of_another_network_is_refused() {
    let [pnet, rnet, onet] = networks();
    let error = Mtcnn::from_checkpoints(&rnet, &pnet, &onet, &f32_placement()).unwrap_err();
    assert!(error.to_string().starts_with("rnet: no tensor"), "{error}");
}

#[test]
fn equal_scores_are_ordered_as_the_python_service_picks() {
    let face = |side: f32, x: f32, score| Face {
        bbox: [x, 0.0, x + side, side],
        score,
        landmarks: [[0.0; 2]; 5],
    };
    let mut faces = [
        face(10.0, 0.0, 1.0),
        face(20.0, 1.0, 1.0),
        face(20.0, 2.0, 1.0),
        face(90.0, 3.0, 0.8),
    ];
    sort_as_served(&mut faces);
    assert_eq!(faces.map(|face| face.bbox[0]), [2.0, 1.0, 0.0, 3.0]);
}

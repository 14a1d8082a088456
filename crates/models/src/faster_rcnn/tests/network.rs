//! Every stage of the tiny networks, on every instruction set and in both precisions.

use super::sizes::{EVEN, ODD, Size, picture};
use crate::faster_rcnn::detections::{Candidates, guesses};
use crate::faster_rcnn::proposals::proposals;
use crate::faster_rcnn::rpn::ANSWERS;
use crate::faster_rcnn::{FasterRcnn, anchors::PER_PLACE, roi_pool};
use crate::goldens::{Distance, Goldens, nchw};
use crate::interrupt::tests::questions;
use crate::tensor::Tensor;
use crate::{DetectError, Interrupt, Isa, Placement, Precision};

fn placements() -> impl Iterator<Item = Placement> {
    Isa::available().into_iter().flat_map(|isa| {
        [Precision::F32, Precision::Bf16].map(|precision| Placement {
            isa,
            ..Placement::new(precision)
        })
    })
}

fn f32_placements() -> impl Iterator<Item = Placement> {
    placements().filter(|placement| placement.precision == Precision::F32)
}

/// The elements of `x` (NHWC, or `[rows, features]`) that the goldens hold of upstream's (NCHW).
fn samples(x: &Tensor, count: usize) -> Vec<f32> {
    let values = if x.shape().len() == 4 {
        nchw(x).1
    } else {
        x.values().to_vec()
    };
    let sample = |k| values[k * values.len() / count];
    (0..count).map(sample).collect()
}

/// What a comparison with upstream allows.
pub(super) fn within(precision: Precision, distance: Distance) -> bool {
    match precision {
        Precision::F32 => distance.cosine >= 0.999_99 && distance.difference <= 1e-5,
        Precision::Bf16 => distance.cosine >= 0.9995,
    }
}

struct Stages<'a> {
    goldens: &'a Goldens,
    case: String,
    precision: Precision,
}

impl Stages<'_> {
    fn assert(&self, tap: &str, got: &Tensor) {
        let expected = self.goldens.floats(&format!("{}.{tap}", self.case));
        let distance = Distance::between(&samples(got, expected.len()), &expected);
        assert!(
            within(self.precision, distance),
            "{}.{tap} {:?}: {distance:?}",
            self.case,
            self.precision
        );
    }
}

#[test]
fn every_stage_answers_as_upstream() -> anyhow::Result<()> {
    let goldens = Goldens::open("faster_rcnn");
    for size in [EVEN, ODD] {
        let input = size.input();
        for placement in placements() {
            let network = size.network(&placement)?;
            let stages = Stages {
                goldens: &goldens,
                case: size.case(),
                precision: placement.precision,
            };
            let trunk = network.body.forward(&input, Interrupt::NEVER)?;
            for (i, stage) in trunk.iter().enumerate() {
                stages.assert(&format!("c{}", i + 2), stage);
            }
            let levels = network.fpn.forward(trunk.clone(), Interrupt::NEVER)?;
            assert_eq!(levels.len(), 5);
            for (i, level) in levels.iter().enumerate() {
                stages.assert(&format!("p{}", i + 2), level);
                let answers = network.rpn.forward(level);
                let logits = answers.narrow(3, 0, PER_PLACE);
                stages.assert(&format!("logits{}", i + 2), &logits);
                let offsets = answers.narrow(3, PER_PLACE, ANSWERS - PER_PLACE);
                stages.assert(&format!("offsets{}", i + 2), &offsets);
            }
            second_stage(&network, &stages, &levels)?;
        }
    }
    Ok(())
}

/// On upstream's proposals, so that it stands alone.
fn second_stage(
    network: &FasterRcnn,
    stages: &Stages<'_>,
    levels: &[Tensor],
) -> anyhow::Result<()> {
    let boxes = stages
        .goldens
        .rows::<4>(&format!("{}.proposals", stages.case));
    let pooled = roi_pool::pool(levels, &boxes, network.isa);
    stages.assert("pooled", &pooled);
    let representation = network.roi_heads.representation(pooled, Interrupt::NEVER)?;
    stages.assert("representation", &representation);
    stages.assert("classes", &network.roi_heads.logits(&representation));
    stages.assert("boxes", &network.roi_heads.offsets(&representation));
    Ok(())
}

fn assert_boxes(got: &[[f32; 4]], expected: &[[f32; 4]], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let near = got.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 0.01);
        assert!(near, "{what}: box {i} is {got:?}, not {expected:?}");
    }
}

/// What is decided between the stages, where rounding may decide otherwise: in f32 only.
#[test]
fn proposals_and_detections_are_upstreams() -> anyhow::Result<()> {
    let goldens = Goldens::open("faster_rcnn");
    for size in [EVEN, ODD] {
        let (case, input) = (size.case(), size.input());
        for placement in f32_placements() {
            let network = size.network(&placement)?;
            let levels = network.levels(&input, Interrupt::NEVER)?;
            let answers = network.answers(&levels, Interrupt::NEVER)?;
            let found = proposals(&answers, size.size, size.padded, &size.config);
            let expected = goldens.rows::<4>(&format!("{case}.proposals"));
            assert_boxes(&found, &expected, &format!("{case}.proposals"));
            let candidates = network.candidates(&levels, &found, size.size, Interrupt::NEVER)?;
            assert_persons(&goldens, &case, &candidates, size.config.detections);
        }
    }
    Ok(())
}

fn assert_persons(goldens: &Goldens, case: &str, candidates: &Candidates, most: usize) {
    let boxes = goldens.rows::<4>(&format!("{case}.found.boxes"));
    let scores = goldens.floats(&format!("{case}.found.scores"));
    let labels = goldens.integers(&format!("{case}.found.labels"));
    let persons: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == 1).collect();
    assert!(!persons.is_empty());
    let found = candidates.persons(most);
    let found_boxes: Vec<_> = found.iter().map(|&i| candidates.boxes[i]).collect();
    let expected: Vec<_> = persons.iter().map(|&i| boxes[i]).collect();
    assert_boxes(&found_boxes, &expected, &format!("{case}.found.boxes"));
    for (&found, &expected) in found.iter().zip(&persons) {
        assert!((candidates.scores[found] - scores[expected]).abs() <= 1e-5);
    }
}

#[test]
fn persons_in_pictures_are_upstreams() -> anyhow::Result<()> {
    let goldens = Goldens::open("faster_rcnn");
    let mut count = 0;
    for size in [EVEN, ODD] {
        for placement in f32_placements() {
            let network = size.network(&placement)?;
            for (height, width) in size.pictures {
                let name = format!("{}.picture.{height}x{width}", size.case());
                let persons = network.detect(&picture(&name, height, width), Interrupt::NEVER)?;
                let expected = goldens.rows::<5>(&format!("{name}.persons"));
                let boxes: Vec<_> = persons.iter().map(|person| person.bbox).collect();
                let expected_boxes: Vec<_> = expected
                    .iter()
                    .map(|&[a, b, c, d, _]| [a, b, c, d])
                    .collect();
                assert_boxes(&boxes, &expected_boxes, &name);
                for (person, expected) in persons.iter().zip(&expected) {
                    assert!((person.score - expected[4]).abs() <= 1e-5, "{name}");
                }
                count += expected.len();
            }
        }
    }
    assert!(count > 10, "{count} persons");
    Ok(())
}

#[test]
fn images_of_which_nothing_is_left_are_refused() -> anyhow::Result<()> {
    let network = Size::network(&ODD, &Placement::new(Precision::F32))?;
    for (height, width) in [(1, 400), (400, 1), (0, 0), (0, 9)] {
        let error = network
            .detect(&picture("elongated", height, width), Interrupt::NEVER)
            .unwrap_err();
        assert!(matches!(error, DetectError::TooElongated { .. }), "{error}");
        assert!(
            error.to_string().contains(&format!("{width}x{height}")),
            "{error}"
        );
    }
    Ok(())
}

/// Each bottleneck asks, twice each level of the pyramid, each level of the proposals, and each layer of the second stage.
#[test]
fn a_search_that_nobody_waits_for_ends() -> anyhow::Result<()> {
    let network = EVEN.network(&Placement::new(Precision::F32))?;
    let image = picture("faster_rcnn.even.picture.64x80", 64, 80);
    let asked = questions(
        |interrupt| network.detect(&image, interrupt),
        |error| matches!(error, DetectError::Interrupted(_)),
    );
    let bottlenecks: usize = EVEN.config.blocks.iter().sum();
    let (before, stem, pyramid, proposals) = (1, 1, 2 * 4, 5);
    let second_stage = ["pool", "fc6", "fc7", "cls_score", "bbox_pred"].len();
    let expected = before + stem + bottlenecks + pyramid + proposals + second_stage;
    assert_eq!(asked, expected);
    Ok(())
}

/// One thread or many, the same numbers.
#[test]
fn threads_change_nothing() -> anyhow::Result<()> {
    let network = EVEN.network(&Placement::new(Precision::F32))?;
    let image = picture("faster_rcnn.even.picture.64x80", 64, 80);
    let expected = network.detect(&image, Interrupt::NEVER)?;
    assert!(!expected.is_empty());
    for threads in [1, 5] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        assert_eq!(
            pool.install(|| network.detect(&image, Interrupt::NEVER))?,
            expected
        );
    }
    Ok(())
}

/// Boxes are computed only for proposals that show something: the same as for all of them.
#[test]
fn boxes_of_some_proposals_are_those_of_all() -> anyhow::Result<()> {
    for placement in placements() {
        let network = EVEN.network(&placement)?;
        let levels = network.levels(&EVEN.input(), Interrupt::NEVER)?;
        let boxes = proposals(
            &network.answers(&levels, Interrupt::NEVER)?,
            EVEN.size,
            EVEN.padded,
            &EVEN.config,
        );
        let found = network.candidates(&levels, &boxes, EVEN.size, Interrupt::NEVER)?;
        let representation = network.roi_heads.representation(
            roi_pool::pool(&levels, &boxes, network.isa),
            Interrupt::NEVER,
        )?;
        let logits = network.roi_heads.logits(&representation);
        let offsets = network.roi_heads.offsets(&representation);
        let guesses = guesses(logits.values(), EVEN.config.classes);
        let all = Candidates::new(
            &guesses,
            &boxes,
            |guess| {
                let class = guess.proposal * EVEN.config.classes + guess.class as usize;
                offsets.values().as_chunks::<4>().0[class]
            },
            EVEN.size,
        );
        assert!(all.boxes.len() > 10);
        assert_eq!(found, all);
    }
    Ok(())
}

//! What the networks answer, read as scored boxes.

use super::pyramid::Level;
use crate::detection::nms::nms_iou;

/// A box that may hold a face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) bbox: [f32; 4],
    pub(super) score: f32,
    /// How far a network wants each side moved, as a part of the width or height.
    pub(super) offsets: [f32; 4],
}

/// Stride and field of the proposal network's answers, in pixels of a level.
const STRIDE: f32 = 2.0;
const FIELD: f32 = 12.0;

/// Probability of a face: the second of the softmax over `[no face, face]`.
pub(super) fn face_probability(logits: [f32; 2]) -> f32 {
    let largest = logits[0].max(logits[1]);
    let [none, face] = logits.map(|logit| (logit - largest).exp());
    face / (none + face)
}

/// A candidate for every answer of at least `threshold` among `answers`, rows of `[width, 6]` of which the first
/// is numbered `first_row`: two logits, four offsets.
pub(super) fn propose(
    answers: &[f32],
    width: usize,
    first_row: usize,
    level: &Level,
    threshold: f32,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    // Most answers are far below: p >= t means that the logits differ by at least ln(t / (1 - t)). The margin covers all
    // rounding.
    let clearly_below = (threshold / (1.0 - threshold)).ln() - 0.01;
    let scale = level.scale as f32;
    for (row, answers) in answers.chunks_exact((6 * width).max(1)).enumerate() {
        for (column, answer) in answers.as_chunks::<6>().0.iter().enumerate() {
            let [none, face, offsets @ ..] = *answer;
            if face - none < clearly_below {
                continue;
            }
            let score = face_probability([none, face]);
            if score >= threshold {
                let corner = [column as f32, (first_row + row) as f32].map(|n| STRIDE * n);
                let [x0, y0] = corner.map(|n| ((n + 1.0) / scale).floor());
                let [x1, y1] = corner.map(|n| ((n + FIELD) / scale).floor());
                candidates.push(Candidate {
                    bbox: [x0, y0, x1, y1],
                    score,
                    offsets,
                });
            }
        }
    }
    candidates
}

/// The candidates that suppression by intersection over union leaves, best first.
pub(super) fn suppress(candidates: &[Candidate], threshold: f64) -> Vec<Candidate> {
    let boxes: Vec<[f32; 4]> = candidates.iter().map(|c| c.bbox).collect();
    let scores: Vec<f32> = candidates.iter().map(|c| c.score).collect();
    nms_iou(&boxes, &scores, threshold)
        .into_iter()
        .map(|i| candidates[i])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{face_probability, propose};
    use crate::mtcnn::goldens::Goldens;
    use crate::mtcnn::pyramid::Level;

    /// Upstream's function takes probabilities, ours logits: a probability becomes the logit that gives it back.
    #[test]
    fn boxes_are_upstreams() {
        let goldens = Goldens::open("mtcnn_boxes");
        for index in 0..4 {
            let case = format!("candidates.{index}");
            let shape = goldens.shape(&format!("{case}.probability"));
            let (height, width) = (shape[0], shape[1]);
            let probability = goldens.floats(&format!("{case}.probability"));
            let regression = goldens.floats(&format!("{case}.regression"));
            let mut answers = Vec::new();
            for (i, p) in probability.iter().enumerate() {
                let p = f64::from(*p);
                answers.extend([0.0, (p / (1.0 - p)).ln() as f32]);
                answers.extend((0..4).map(|o| regression[o * height * width + i]));
            }
            let scale = 0.6 * 0.709_f64.powi(index);
            let level = Level {
                scale,
                height,
                width,
            };
            // One probability is exactly on the threshold, and its logit is rounded.
            let candidates = propose(&answers, width, 0, &level, 0.6 - 1e-6);
            let expected = goldens.rows::<9>(&format!("{case}.output"));
            assert_eq!(candidates.len(), expected.len());
            for (candidate, expected) in candidates.iter().zip(expected) {
                assert_eq!(candidate.bbox, expected[..4]);
                assert!((candidate.score - expected[4]).abs() < 1e-6);
                assert_eq!(candidate.offsets, expected[5..]);
            }
        }
    }

    #[test]
    fn probabilities_do_not_overflow() {
        assert_eq!(face_probability([0.0, 0.0]), 0.5);
        assert_eq!(face_probability([1000.0, 0.0]), 0.0);
        assert_eq!(face_probability([0.0, 1000.0]), 1.0);
    }

    #[test]
    fn numbers_that_are_none_propose_nothing() {
        let level = Level {
            scale: 0.6,
            height: 12,
            width: 12,
        };
        assert_eq!(propose(&[f32::NAN; 12], 2, 0, &level, 0.6), []);
        assert_eq!(propose(&[], 0, 0, &level, 0.6), []);
    }
}

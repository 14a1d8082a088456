//! From the box head's answers to persons: upstream's `RoIHeads.postprocess_detections`, for one class.
//!
//! Upstream suppresses overlaps in each class, and then keeps the best hundred detections of all classes. So other
//! classes matter in two ways only: their boxes have a part in how far torchvision moves the classes apart, which rounds
//! coordinates, and they may push persons out of the hundred. The first is kept by finding all candidate boxes; for the
//! second, other classes are suppressed only where they have enough candidates to push a person out.

use rayon::prelude::*;

use crate::detection::boxes::{BoxCoder, clipped, has_sides};
use crate::detection::nms::{batched_nms_iou, best_first, moved_apart, nms_iou};

/// The class of persons; 0 is the background.
pub(super) const PERSON: u32 = 1;

const CODER: BoxCoder = BoxCoder {
    weights: [10.0, 10.0, 5.0, 5.0],
};
/// Scores at or below it are none.
const SCORE_THRESHOLD: f32 = 0.05;
/// Least width and height, in pixels of the scaled image.
const MIN_SIZE: f32 = 1e-2;
/// Overlap allowed within a class.
const OVERLAP: f64 = 0.5;
/// Up to this many candidates torchvision suppresses with the classes moved apart, and class by class above.
const MOVED_APART: usize = 1000;

/// A class that a proposal may show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) proposal: usize,
    pub(super) class: u32,
    pub(super) score: f32,
}

/// All classes but the background that score above the threshold, by proposal and class. `logits` is
/// `[proposals, classes]`.
pub(super) fn guesses(logits: &[f32], classes: usize) -> Vec<Guess> {
    logits
        .par_chunks_exact(classes)
        .enumerate()
        .flat_map_iter(|(proposal, logits)| {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exps: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
            let total: f32 = exps.iter().sum();
            let scores = exps.into_iter().map(move |exp| exp / total);
            (0..).zip(scores).skip(1).filter_map(move |(class, score)| {
                (score > SCORE_THRESHOLD).then_some(Guess {
                    proposal,
                    class,
                    score,
                })
            })
        })
        .collect()
}

/// Guesses with their boxes, in a struct of columns: `boxes[i]`, `scores[i]` and `classes[i]` belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Candidates {
    pub(super) boxes: Vec<[f32; 4]>,
    pub(super) scores: Vec<f32>,
    pub(super) classes: Vec<u32>,
}

impl Candidates {
    /// The boxes of `guesses` within a scaled image of `size` (height, width), without those that have none. `offsets`
    /// gives the four of a guess.
    pub(super) fn new(
        guesses: &[Guess],
        proposals: &[[f32; 4]],
        offsets: impl Fn(&Guess) -> [f32; 4],
        size: (usize, usize),
    ) -> Self {
        let mut candidates = Self::default();
        for guess in guesses {
            let bbox = CODER.decode(offsets(guess), proposals[guess.proposal]);
            let bbox = clipped(bbox, size);
            if has_sides(bbox, MIN_SIZE) {
                candidates.boxes.push(bbox);
                candidates.scores.push(guess.score);
                candidates.classes.push(guess.class);
            }
        }
        candidates
    }

    /// Indices of the persons among the best `most` detections of all classes, best first.
    pub(super) fn persons(&self, most: usize) -> Vec<usize> {
        let mut persons = self.suppressed_persons();
        // A detection comes after those candidates only that come before it now.
        let before = |last: usize| self.best_first().position(|index| index == last);
        match persons.last().and_then(|&last| before(last)) {
            Some(before) if before >= most => self.persons_of_all(most),
            _ => {
                persons.truncate(most);
                persons
            }
        }
    }

    /// The same by upstream's way, which is longer: detections of all classes.
    fn persons_of_all(&self, most: usize) -> Vec<usize> {
        let mut kept = batched_nms_iou(&self.boxes, &self.scores, &self.classes, OVERLAP);
        kept.truncate(most);
        kept.retain(|&index| self.classes[index] == PERSON);
        kept
    }

    /// Persons that no better one overlaps, best first.
    fn suppressed_persons(&self) -> Vec<usize> {
        let persons: Vec<usize> = (0..self.boxes.len())
            .filter(|&index| self.classes[index] == PERSON)
            .collect();
        let scores: Vec<f32> = persons.iter().map(|&i| self.scores[i]).collect();
        let moved = if self.boxes.len() <= MOVED_APART {
            Some(moved_apart(&self.boxes, &self.classes))
        } else {
            None
        };
        let all = moved.as_ref().unwrap_or(&self.boxes);
        let boxes: Vec<[f32; 4]> = persons.iter().map(|&i| all[i]).collect();
        let kept = nms_iou(&boxes, &scores, OVERLAP);
        kept.into_iter().map(|i| persons[i]).collect()
    }

    fn best_first(&self) -> impl Iterator<Item = usize> {
        best_first(&self.scores).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidates, PERSON};
    use crate::goldens::formula::uniform;

    /// `count` boxes in heaps, of `classes` classes, with scores of `levels` different values.
    fn candidates(name: &str, count: usize, classes: u32, levels: f64) -> Candidates {
        let numbers = |what| uniform(&format!("{name}.{what}"), count);
        let (x, y, w, h) = (numbers("x"), numbers("y"), numbers("w"), numbers("h"));
        let (scores, kinds) = (numbers("scores"), numbers("classes"));
        let boxes = (0..count).map(|i| {
            let (x0, y0) = (400.0 + 300.0 * x[i], 300.0 + 200.0 * y[i]);
            let (w, h) = (150.0 + 100.0 * w[i], 120.0 + 90.0 * h[i]);
            [x0, y0, x0 + w, y0 + h].map(|n| n as f32)
        });
        let score = |u: &f64| ((0.525 + 0.475 * u) * levels).ceil() / levels;
        let class = |u: &f64| 1 + ((0.5 + 0.5 * u) * f64::from(classes)) as u32;
        Candidates {
            boxes: boxes.collect(),
            scores: scores.iter().map(|u| score(u) as f32).collect(),
            classes: kinds.iter().map(class).collect(),
        }
    }

    /// Few and many candidates, few and many classes, scores with and without ties.
    #[test]
    fn the_short_way_and_the_long_way_find_the_same_persons() {
        let (mut pushed_out, mut all_in) = (0, 0);
        for count in [
            0, 1, 30, 99, 100, 101, 150, 400, 999, 1000, 1001, 1500, 3000,
        ] {
            for classes in [1, 2, 5, 90] {
                for levels in [1e6, 20.0] {
                    let name = format!("persons.{count}.{classes}.{levels}");
                    let candidates = candidates(&name, count, classes, levels);
                    for most in [1, 10, 100] {
                        let long = candidates.persons_of_all(most);
                        assert_eq!(candidates.persons(most), long, "{name} {most}");
                        let suppressed = candidates.suppressed_persons();
                        assert_eq!(suppressed[..long.len()], long);
                        if long.len() < suppressed.len() {
                            pushed_out += 1;
                        } else {
                            all_in += 1;
                        }
                    }
                }
            }
        }
        assert!(pushed_out > 50 && all_in > 50, "{pushed_out} {all_in}");
    }

    #[test]
    fn better_detections_of_other_classes_push_persons_out() {
        let mut candidates = Candidates::default();
        for i in 0..101_u16 {
            let x = f32::from(i) * 10.0;
            candidates.boxes.push([x, 0.0, x + 9.0, 9.0]);
            candidates.scores.push(0.9 - 0.001 * f32::from(i));
            candidates.classes.push(if i == 100 { PERSON } else { 2 });
        }
        assert!(candidates.persons(100).is_empty());
        // Of two that overlap one goes, and makes place.
        candidates.boxes[1] = candidates.boxes[0];
        assert_eq!(candidates.persons(100), [100]);
    }
}

//! The boxes that are worth a closer look: the best anchors of each level, moved as the network wants them, without those
//! that overlap a better one. Upstream: `RegionProposalNetwork.filter_proposals`.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::anchors::{Anchors, PER_PLACE};
use super::config::Config;
use super::rpn::ANSWERS;
use crate::detection::boxes::{BoxCoder, clipped, has_sides};
use crate::detection::nms::batched_nms_iou;

const CODER: BoxCoder = BoxCoder { weights: [1.0; 4] };
/// Least width and height, in pixels of the scaled image.
const MIN_SIZE: f32 = 1e-3;
/// Overlap allowed within a level.
const OVERLAP: f64 = 0.7;

/// What the proposal network's head answers for one level.
#[derive(Debug)]
pub(super) struct Answers {
    /// `[height, width, 15]`.
    pub(super) values: Vec<f32>,
    /// Height and width.
    pub(super) size: (usize, usize),
}

/// Boxes in an image of `size` within its padding to `padded` (height, width), best first.
pub(super) fn proposals(
    levels: &[Answers],
    size: (usize, usize),
    padded: (usize, usize),
    config: &Config,
) -> Vec<[f32; 4]> {
    let candidates: Vec<Vec<([f32; 4], f32)>> = levels
        .par_iter()
        .with_max_len(1)
        .zip(config.anchors.par_iter())
        .map(|(level, &side)| {
            let anchors = Anchors::new(side, level.size, padded);
            best_of_level(level, &anchors, size, config.pre_nms_top_n)
        })
        .collect();
    let (mut boxes, mut scores, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (level, candidates) in (0..).zip(candidates) {
        for (bbox, score) in candidates {
            boxes.push(bbox);
            scores.push(score);
            groups.push(level);
        }
    }
    let mut kept = batched_nms_iou(&boxes, &scores, &groups, OVERLAP);
    kept.truncate(config.post_nms_top_n);
    kept.into_iter().map(|i| boxes[i]).collect()
}

/// The `count` anchors of the highest logits, as boxes with scores, best first. Only these are ever moved.
fn best_of_level(
    level: &Answers,
    anchors: &Anchors,
    size: (usize, usize),
    count: usize,
) -> Vec<([f32; 4], f32)> {
    let places = level.values.as_chunks::<ANSWERS>().0;
    let logits: Vec<f32> = places
        .iter()
        .flat_map(|place| &place[..PER_PLACE])
        .copied()
        .collect();
    let mut found = Vec::with_capacity(count);
    for index in largest(&logits, count) {
        let offsets = places[index / PER_PLACE][PER_PLACE..].as_chunks::<4>().0[index % PER_PLACE];
        let bbox = clipped(CODER.decode(offsets, anchors.at(index)), size);
        let score = sigmoid(logits[index]);
        // Written so that a NaN goes.
        if has_sides(bbox, MIN_SIZE) && score >= 0.0 {
            found.push((bbox, score));
        }
    }
    found
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Indices of the `count` largest values, largest first; of equal ones those that come first.
pub(super) fn largest(values: &[f32], count: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..values.len()).collect();
    let order =
        |&a: &usize, &b: &usize| -> Ordering { values[b].total_cmp(&values[a]).then(a.cmp(&b)) };
    if count < indices.len() {
        indices.select_nth_unstable_by(count, order);
        indices.truncate(count);
    }
    indices.sort_unstable_by(order);
    indices
}

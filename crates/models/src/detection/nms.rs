//! Greedy non-maximum suppression as torchvision has it: of boxes that overlap, the best stays. Boxes are
//! `[x0, y0, x1, y1]` and a width is `x1 - x0`. All arithmetic is `f32`, in torchvision's order.

use rayon::prelude::*;

use super::neighbours::Neighbours;

/// Above this many boxes, looking up the neighbours of each is faster than going through all.
const MANY: usize = 1000;
/// Up to this many boxes torchvision moves the groups apart and suppresses all at once on a CPU (4,000 coordinates in
/// its source); above, it suppresses group by group. Moving a box rounds its corners.
const MOVED_APART: usize = 1000;

/// Indices of the boxes that stay, best first: a box goes when its intersection over union with a better one is above
/// `threshold`, which is 0.5 or more. Equal scores keep their order. As torchvision's `nms`.
pub(crate) fn nms_iou(boxes: &[[f32; 4]], scores: &[f32], threshold: f64) -> Vec<usize> {
    debug_assert!(threshold >= 0.5);
    let order = best_first(scores);
    let threshold = at_most(threshold);
    if boxes.len() <= MANY {
        by_pairs(boxes, &order, threshold)
    } else {
        by_neighbours(boxes, &order, threshold)
    }
}

/// The same where only boxes of one group suppress each other. As torchvision's `batched_nms` on a CPU, down to the way
/// it takes for few boxes and for many.
pub(crate) fn batched_nms_iou(
    boxes: &[[f32; 4]],
    scores: &[f32],
    groups: &[u32],
    threshold: f64,
) -> Vec<usize> {
    if boxes.len() <= MOVED_APART {
        return nms_iou(&moved_apart(boxes, groups), scores, threshold);
    }
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (index, &group) in groups.iter().enumerate() {
        let group = group as usize;
        members.resize_with(members.len().max(group + 1), Vec::new);
        members[group].push(index);
    }
    let mut kept: Vec<usize> = members
        .par_iter()
        .with_max_len(1)
        .flat_map_iter(|members| {
            let boxes: Vec<[f32; 4]> = members.iter().map(|&i| boxes[i]).collect();
            let scores: Vec<f32> = members.iter().map(|&i| scores[i]).collect();
            nms_iou(&boxes, &scores, threshold)
                .into_iter()
                .map(|i| members[i])
        })
        .collect();
    kept.sort_unstable();
    kept.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    kept
}

/// The boxes with each group moved to a place of its own, as far from the others as the largest coordinate of all.
pub(crate) fn moved_apart(boxes: &[[f32; 4]], groups: &[u32]) -> Vec<[f32; 4]> {
    let coordinates = boxes.iter().flatten().copied();
    let step = coordinates.fold(f32::NEG_INFINITY, f32::max) + 1.0;
    let moved = boxes.iter().zip(groups);
    moved
        .map(|(bbox, &group)| bbox.map(|coordinate| coordinate + group as f32 * step))
        .collect()
}

/// Indices by falling score; equal scores keep their order.
pub(crate) fn best_first(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// The largest `f32` that is not above `threshold`: exactly the `f32` above this one are above `threshold`, to which
/// torchvision compares as `f64`.
fn at_most(threshold: f64) -> f32 {
    let nearest = threshold as f32;
    if f64::from(nearest) > threshold {
        nearest.next_down()
    } else {
        nearest
    }
}

/// Goes through all pairs, a coordinate at a time, which the compiler turns into vectors.
fn by_pairs(boxes: &[[f32; 4]], order: &[usize], threshold: f32) -> Vec<usize> {
    let column =
        |f: fn([f32; 4]) -> f32| -> Vec<f32> { order.iter().map(|&i| f(boxes[i])).collect() };
    let [x0, y0, x1, y1] = [
        column(|b| b[0]),
        column(|b| b[1]),
        column(|b| b[2]),
        column(|b| b[3]),
    ];
    let areas = column(area);
    let mut gone = vec![0_u32; order.len()];
    let mut kept = Vec::new();
    for (i, &index) in order.iter().enumerate() {
        if gone[i] != 0 {
            continue;
        }
        kept.push(index);
        let (best, best_area) = (boxes[index], areas[i]);
        let others = x0[i + 1..]
            .iter()
            .zip(&y0[i + 1..])
            .zip(&x1[i + 1..])
            .zip(&y1[i + 1..]);
        let others = others.zip(&areas[i + 1..]).zip(&mut gone[i + 1..]);
        for (((((&x0, &y0), &x1), &y1), &area), gone) in others {
            let both = intersection(best, [x0, y0, x1, y1]);
            *gone |= u32::from(both / (best_area + area - both) > threshold);
        }
    }
    kept
}

/// Compares only with kept boxes nearby: an image made of small faces has a hundred thousand candidates, and comparing
/// all would take minutes.
fn by_neighbours(boxes: &[[f32; 4]], order: &[usize], threshold: f32) -> Vec<usize> {
    let suppresses = |a, b| {
        let both = intersection(a, b);
        // The quotient of two empty boxes is NaN, which suppresses nothing.
        both / (area(a) + area(b) - both) > threshold
    };
    let mut kept = Vec::new();
    let mut neighbours = Neighbours::default();
    for &index in order {
        let bbox = boxes[index];
        if !neighbours.near(bbox).any(|other| suppresses(other, bbox)) {
            neighbours.insert(bbox);
            kept.push(index);
        }
    }
    kept
}

fn area(b: [f32; 4]) -> f32 {
    (b[2] - b[0]) * (b[3] - b[1])
}

fn intersection(a: [f32; 4], b: [f32; 4]) -> f32 {
    // Comparisons instead of `f32::max`, which would treat NaN in a way of its own, and slowly.
    let larger = |a: f32, b: f32| if a < b { b } else { a };
    let smaller = |a: f32, b: f32| if b < a { b } else { a };
    let width = larger(0.0, smaller(a[2], b[2]) - larger(a[0], b[0]));
    let height = larger(0.0, smaller(a[3], b[3]) - larger(a[1], b[1]));
    width * height
}

#[cfg(test)]
mod tests {
    use super::{MANY, at_most, batched_nms_iou, best_first, by_neighbours, by_pairs, nms_iou};
    use crate::goldens::Goldens;
    use crate::goldens::formula::uniform;

    #[test]
    fn keeps_what_torchvision_keeps() {
        let goldens = Goldens::open("mtcnn_boxes");
        for case in ["distinct", "ties"] {
            let boxes = goldens.rows::<4>(&format!("nms.{case}.boxes"));
            let scores = goldens.floats(&format!("nms.{case}.scores"));
            for threshold in [0.5, 0.7] {
                let expected = goldens.indices(&format!("nms.{case}.keep_{threshold}"));
                assert!(expected.len() > 1 && expected.len() < boxes.len());
                assert_eq!(
                    nms_iou(&boxes, &scores, threshold),
                    expected,
                    "{case} {threshold}"
                );
            }
        }
    }

    /// Torchvision takes another way above 1,000 boxes.
    #[test]
    fn keeps_what_torchvision_keeps_of_many() {
        let goldens = Goldens::open("mtcnn_boxes");
        let (boxes, scores) = many();
        for threshold in [0.5, 0.7] {
            let expected = goldens.indices(&format!("nms.large.keep_{threshold}"));
            assert_eq!(nms_iou(&boxes, &scores, threshold), expected, "{threshold}");
        }
    }

    /// Of `nms.large` in the goldens.
    fn many() -> (Vec<[f32; 4]>, Vec<f32>) {
        let corner = uniform("nms.large.corner", 2200);
        let side = uniform("nms.large.side", 2200);
        let corners = corner.chunks_exact(2).zip(side.chunks_exact(2));
        let boxes = corners.map(|(corner, side)| {
            let [x, y] = [0, 1].map(|i| (50.0 + 400.0 * corner[i]).floor());
            let [w, h] = [0, 1].map(|i| (30.0 + 12.0 * side[i]).floor());
            [x as f32, y as f32, (x + w) as f32, (y + h) as f32]
        });
        let scores = uniform("nms.large.scores", 1100);
        let scores = scores.iter().map(|u| (0.5 + 0.5 * u) as f32);
        (boxes.collect(), scores.collect())
    }

    #[test]
    fn empty_boxes_suppress_nothing_and_end() {
        let boxes = [[5.0, 5.0, 5.0, 5.0]; 3];
        assert_eq!(nms_iou(&boxes, &[0.1, 0.3, 0.2], 0.5), [1, 2, 0]);
        assert!(nms_iou(&[], &[], 0.5).is_empty());
        assert!(batched_nms_iou(&[], &[], &[], 0.5).is_empty());
        assert_eq!(nms_iou(&[[f32::NAN; 4]; 2], &[0.5, 0.5], 0.5), [0, 1]);
    }

    /// Looking up neighbours must change nothing: boxes of all sizes and shapes, some of them empty or turned around.
    #[test]
    fn many_boxes_end_as_if_each_pair_were_compared() {
        let count = 4 * MANY;
        let numbers = |name| uniform(name, count);
        let (x, y, w, h) = (numbers("x"), numbers("y"), numbers("w"), numbers("h"));
        let boxes: Vec<[f32; 4]> = (0..count)
            .map(|i| {
                // Sides from a few pixels to hundreds, corners across zero, so that many pairs overlap at every size.
                let side = |u: f64| 2.0_f64.powf(5.5 + 3.5 * u);
                let (w, h) = (side(w[i]), side((w[i] + 0.1 * h[i]).min(1.0)));
                let (x0, y0) = (2.0 * w * x[i], 2.0 * h * y[i]);
                let turned = if i % 50 == 7 { -1.0 } else { 1.0 };
                [x0, y0, x0 + w * turned, y0 + h].map(|side| side as f32)
            })
            .collect();
        let scores: Vec<f32> = numbers("scores")
            .iter()
            .map(|u| (u * 50.0).floor() as f32)
            .collect();
        for threshold in [0.5, 0.7] {
            let order = best_first(&scores);
            let expected = by_pairs(&boxes, &order, at_most(threshold));
            assert!(expected.len() > 100 && expected.len() < count * 9 / 10);
            assert_eq!(by_neighbours(&boxes, &order, at_most(threshold)), expected);
        }
        let mut strange = boxes;
        strange[3] = [f32::NAN; 4];
        strange[4] = [f32::NEG_INFINITY, 0.0, f32::INFINITY, 5.0];
        strange[5] = [1e30, 1e30, 2e30, 2e30];
        assert!(nms_iou(&strange, &scores, 0.5).len() > 100);
    }

    /// A quotient is compared as torchvision compares it, in `f64`, also where the threshold is no `f32`.
    #[test]
    fn thresholds_divide_the_numbers_where_they_do_in_f64() {
        for threshold in [0.5, 0.7, 0.3, 0.05, 0.9] {
            let below = at_most(threshold);
            assert!(f64::from(below) <= threshold && f64::from(below.next_up()) > threshold);
        }
    }
}

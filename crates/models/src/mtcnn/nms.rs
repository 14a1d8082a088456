//! Greedy non-maximum suppression, in the two ways in which upstream mixes them.

use super::neighbours::Neighbours;

/// Above this many boxes, looking up the neighbours of each is faster than going through all.
const MANY: usize = 1000;

/// Indices of the boxes that stay, best first: a box goes when its intersection over union with a better one is above
/// `threshold`, which is 0.5 or more. Equal scores keep their order. As torchvision's `nms`.
pub(super) fn nms_iou(boxes: &[[f32; 4]], scores: &[f32], threshold: f64) -> Vec<usize> {
    debug_assert!(threshold >= 0.5);
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let suppresses = |a, b| {
        let intersection = intersection(a, b, 0.0);
        let iou = intersection / (area(a, 0.0) + area(b, 0.0) - intersection);
        // The quotient of two empty boxes is NaN, which suppresses nothing.
        f64::from(iou) > threshold
    };
    if boxes.len() <= MANY {
        return greedy(boxes, order, suppresses);
    }
    // An image made of small faces has a hundred thousand candidates: comparing all would take minutes.
    let mut kept = Vec::new();
    let mut neighbours = Neighbours::default();
    for index in order {
        let bbox = boxes[index];
        if !neighbours.near(bbox).any(|other| suppresses(other, bbox)) {
            neighbours.insert(bbox);
            kept.push(index);
        }
    }
    kept
}

/// Indices of the boxes that stay, best first: a box goes when its intersection with a better one is above `threshold`
/// of the smaller of both areas, sides counted as `x1 - x0 + 1`. Of equal scores the later box goes first. As upstream's
/// `nms_numpy` with the method `Min`.
pub(super) fn nms_min_plus_one(boxes: &[[f32; 4]], scores: &[f32], threshold: f32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boxes.len()).rev().collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    greedy(boxes, order, |a, b| {
        let part = intersection(a, b, 1.0) / area(a, 1.0).min(area(b, 1.0));
        // Upstream keeps what is not above the threshold, and a NaN is not kept.
        part > threshold || part.is_nan()
    })
}

fn greedy(
    boxes: &[[f32; 4]],
    order: Vec<usize>,
    suppresses: impl Fn([f32; 4], [f32; 4]) -> bool,
) -> Vec<usize> {
    let mut left: Vec<(usize, [f32; 4])> = order.into_iter().map(|i| (i, boxes[i])).collect();
    let mut kept = Vec::new();
    while let Some(&(best, bbox)) = left.first() {
        kept.push(best);
        left.retain(|&(i, other)| i != best && !suppresses(bbox, other));
    }
    kept
}

fn area(b: [f32; 4], plus: f32) -> f32 {
    (b[2] - b[0] + plus) * (b[3] - b[1] + plus)
}

fn intersection(a: [f32; 4], b: [f32; 4], plus: f32) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0]) + plus).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1]) + plus).max(0.0);
    width * height
}

#[cfg(test)]
mod tests {
    use super::{MANY, area, greedy, intersection, nms_iou, nms_min_plus_one};
    use crate::mtcnn::goldens::{Goldens, uniform};

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
        let corner = uniform("nms.large.corner", 2200);
        let side = uniform("nms.large.side", 2200);
        let boxes: Vec<[f32; 4]> = corner
            .chunks_exact(2)
            .zip(side.chunks_exact(2))
            .map(|(corner, side)| {
                let [x, y] = [0, 1].map(|i| (50.0 + 400.0 * corner[i]).floor());
                let [w, h] = [0, 1].map(|i| (30.0 + 12.0 * side[i]).floor());
                [x as f32, y as f32, (x + w) as f32, (y + h) as f32]
            })
            .collect();
        let scores: Vec<f32> = uniform("nms.large.scores", 1100)
            .iter()
            .map(|u| (0.5 + 0.5 * u) as f32)
            .collect();
        for threshold in [0.5, 0.7] {
            let expected = goldens.indices(&format!("nms.large.keep_{threshold}"));
            assert_eq!(nms_iou(&boxes, &scores, threshold), expected, "{threshold}");
        }
        assert_eq!(
            nms_min_plus_one(&boxes, &scores, 0.7),
            goldens.indices("nms.large.keep_min_0.7")
        );
    }

    #[test]
    fn keeps_what_upstreams_min_method_keeps() {
        let goldens = Goldens::open("mtcnn_boxes");
        let boxes = goldens.rows::<4>("nms.distinct.boxes");
        let scores = goldens.floats("nms.distinct.scores");
        let expected = goldens.indices("nms.distinct.keep_min_0.7");
        assert_eq!(nms_min_plus_one(&boxes, &scores, 0.7), expected);

        let boxes = goldens.rows::<4>("nms.min_ties.boxes");
        let scores = goldens.floats("nms.min_ties.scores");
        let mut kept: Vec<[f32; 4]> = nms_min_plus_one(&boxes, &scores, 0.7)
            .iter()
            .map(|&i| boxes[i])
            .collect();
        kept.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(kept, goldens.rows::<4>("nms.min_ties.kept"));
    }

    #[test]
    fn empty_boxes_suppress_nothing_and_end() {
        let boxes = [[5.0, 5.0, 5.0, 5.0]; 3];
        assert_eq!(nms_iou(&boxes, &[0.1, 0.3, 0.2], 0.5), [1, 2, 0]);
        assert!(nms_iou(&[], &[], 0.5).is_empty());
        let nan = [[f32::NAN; 4]; 2];
        assert_eq!(nms_min_plus_one(&nan, &[0.5, 0.5], 0.7), [1]);
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
                [
                    x0 as f32,
                    y0 as f32,
                    (x0 + w * turned) as f32,
                    (y0 + h) as f32,
                ]
            })
            .collect();
        let scores: Vec<f32> = numbers("scores")
            .iter()
            .map(|u| (u * 50.0).floor() as f32)
            .collect();
        for threshold in [0.5, 0.7] {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            let expected = greedy(&boxes, order, |a, b| {
                let both = intersection(a, b, 0.0);
                f64::from(both / (area(a, 0.0) + area(b, 0.0) - both)) > threshold
            });
            assert!(expected.len() > 100 && expected.len() < count * 9 / 10);
            assert_eq!(nms_iou(&boxes, &scores, threshold), expected);
        }
        let mut strange = boxes;
        strange[3] = [f32::NAN; 4];
        strange[4] = [f32::NEG_INFINITY, 0.0, f32::INFINITY, 5.0];
        strange[5] = [1e30, 1e30, 2e30, 2e30];
        assert!(nms_iou(&strange, &scores, 0.5).len() > 100);
    }
}

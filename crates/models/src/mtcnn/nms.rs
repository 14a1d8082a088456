//! Greedy non-maximum suppression by upstream's own method; its other one is torchvision's.

use crate::interrupt::{Interrupt, Interrupted};

/// Indices of the boxes that stay, best first: a box goes when its intersection with a better one is above `threshold`
/// of the smaller of both areas, sides counted as `x1 - x0 + 1`. Of equal scores the later box goes first. As upstream's
/// `nms_numpy` with the method `Min`. Each box that stays is compared with all that are left, and asks first.
pub(super) fn nms_min_plus_one(
    boxes: &[[f32; 4]],
    scores: &[f32],
    threshold: f32,
    interrupt: Interrupt<'_>,
) -> Result<Vec<usize>, Interrupted> {
    let mut order: Vec<usize> = (0..boxes.len()).rev().collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    greedy(boxes, order, interrupt, |a, b| {
        let part = intersection(a, b) / area(a).min(area(b));
        // Upstream keeps what is not above the threshold, and a NaN is not kept.
        part > threshold || part.is_nan()
    })
}

fn greedy(
    boxes: &[[f32; 4]],
    order: Vec<usize>,
    interrupt: Interrupt<'_>,
    suppresses: impl Fn([f32; 4], [f32; 4]) -> bool,
) -> Result<Vec<usize>, Interrupted> {
    let mut left: Vec<(usize, [f32; 4])> = order.into_iter().map(|i| (i, boxes[i])).collect();
    let mut kept = Vec::new();
    while let Some(&(best, bbox)) = left.first() {
        interrupt.check()?;
        kept.push(best);
        left.retain(|&(i, other)| i != best && !suppresses(bbox, other));
    }
    Ok(kept)
}

fn area(b: [f32; 4]) -> f32 {
    (b[2] - b[0] + 1.0) * (b[3] - b[1] + 1.0)
}

fn intersection(a: [f32; 4], b: [f32; 4]) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0]) + 1.0).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1]) + 1.0).max(0.0);
    width * height
}

#[cfg(test)]
mod tests {
    use super::{Interrupt, nms_min_plus_one};
    use crate::mtcnn::goldens::{Goldens, uniform};

    #[test]
    fn keeps_what_upstreams_min_method_keeps_of_many() {
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
        assert_eq!(
            nms_min_plus_one(&boxes, &scores, 0.7, Interrupt::NEVER).unwrap(),
            goldens.indices("nms.large.keep_min_0.7")
        );
    }

    #[test]
    fn keeps_what_upstreams_min_method_keeps() {
        let goldens = Goldens::open("mtcnn_boxes");
        let boxes = goldens.rows::<4>("nms.distinct.boxes");
        let scores = goldens.floats("nms.distinct.scores");
        let expected = goldens.indices("nms.distinct.keep_min_0.7");
        assert_eq!(
            nms_min_plus_one(&boxes, &scores, 0.7, Interrupt::NEVER).unwrap(),
            expected
        );

        let boxes = goldens.rows::<4>("nms.min_ties.boxes");
        let scores = goldens.floats("nms.min_ties.scores");
        let mut kept: Vec<[f32; 4]> = nms_min_plus_one(&boxes, &scores, 0.7, Interrupt::NEVER)
            .unwrap()
            .iter()
            .map(|&i| boxes[i])
            .collect();
        kept.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(kept, goldens.rows::<4>("nms.min_ties.kept"));
    }

    #[test]
    fn boxes_that_are_none_go() {
        let nan = [[f32::NAN; 4]; 2];
        assert_eq!(
            nms_min_plus_one(&nan, &[0.5, 0.5], 0.7, Interrupt::NEVER).unwrap(),
            [1]
        );
        assert!(
            nms_min_plus_one(&[], &[], 0.7, Interrupt::NEVER)
                .unwrap()
                .is_empty()
        );
    }
}

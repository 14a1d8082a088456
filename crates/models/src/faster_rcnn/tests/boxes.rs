//! Box arithmetic against upstream's, on formula boxes and at the real sizes.

use crate::detection::boxes::BoxCoder;
use crate::detection::nms::batched_nms_iou;
use crate::faster_rcnn::anchors::{Anchors, PER_PLACE};
use crate::faster_rcnn::config::RESNET50_FPN;
use crate::faster_rcnn::detections::{Candidates, guesses};
use crate::faster_rcnn::proposals::{Answers, largest, proposals};
use crate::faster_rcnn::roi_pool;
use crate::faster_rcnn::rpn::ANSWERS;
use crate::goldens::formula::uniform;
use crate::goldens::{Goldens, nchw, nhwc};
use kernels::Isa;

fn goldens() -> Goldens {
    Goldens::open("faster_rcnn_boxes")
}

fn numbers(name: &str, count: usize, scale: f64) -> Vec<f32> {
    uniform(name, count)
        .iter()
        .map(|u| (u * scale) as f32)
        .collect()
}

/// `heap` of the goldens: boxes of many sizes that overlap, some beyond the image.
fn heap(name: &str, count: usize, width: f64, height: f64, side: f64) -> Vec<[f32; 4]> {
    let place = uniform(&format!("{name}.place"), 2 * count);
    let sides = uniform(&format!("{name}.sides"), 2 * count);
    let pairs = place
        .as_chunks::<2>()
        .0
        .iter()
        .zip(sides.as_chunks::<2>().0);
    let boxes = pairs.map(|(place, sides)| {
        let [w, h] = sides.map(|u| side * 4.0_f64.powf(u));
        let [x, y] = place.map(|u| u * 0.55 + 0.5);
        let (x, y) = (x * width - w / 2.0, y * height - h / 2.0);
        [x, y, x + w, y + h].map(|n| n as f32)
    });
    boxes.collect()
}

/// Sizes of the pyramid's levels.
fn levels_of((height, width): (usize, usize)) -> [(usize, usize); 5] {
    let at = |stride| (height / stride, width / stride);
    let last = at(32);
    let halved = (last.0.div_ceil(2), last.1.div_ceil(2));
    [at(4), at(8), at(16), last, halved]
}

fn assert_near(got: &[[f32; 4]], expected: &[[f32; 4]], tolerance: f32, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * b.abs().max(1.0);
        let all = got.iter().zip(expected).all(near);
        assert!(all, "{what}: box {i} is {got:?}, not {expected:?}");
    }
}

#[test]
fn anchors_are_upstreams() {
    let goldens = goldens();
    for image in [(800, 1088), (608, 800), (32, 1344)] {
        for (number, level) in levels_of(image).into_iter().enumerate() {
            let name = format!("anchors.{}x{}.{number}", image.0, image.1);
            let expected = goldens.rows::<4>(&name);
            let anchors = Anchors::new(RESNET50_FPN.anchors[number], level, image);
            let count = level.0 * level.1 * PER_PLACE;
            let got: Vec<_> = (0..64).map(|k| anchors.at(k * count / 64)).collect();
            assert_eq!(got, expected, "{name}");
        }
    }
}

#[test]
fn moved_boxes_are_upstreams() {
    let boxes = heap("decode.boxes", 60, 500.0, 300.0, 60.0);
    let mut offsets = numbers("decode.offsets", 240, 2.0);
    for row in offsets.chunks_exact_mut(4).step_by(7) {
        row.iter_mut().for_each(|offset| *offset *= 20.0);
    }
    for (name, weights) in [("rpn", [1.0; 4]), ("box", [10.0, 10.0, 5.0, 5.0])] {
        let coder = BoxCoder { weights };
        let pairs = offsets.as_chunks::<4>().0.iter().zip(&boxes);
        let got: Vec<_> = pairs
            .map(|(&offsets, &bbox)| coder.decode(offsets, bbox))
            .collect();
        let expected = goldens().rows::<4>(&format!("decode.{name}"));
        assert_near(&got, &expected, 1e-6, name);
    }
}

#[test]
fn groups_are_suppressed_as_upstream_does() {
    for count in [600, 1000, 1001, 2500] {
        let boxes = heap(&format!("nms.{count}"), count, 800.0, 600.0, 90.0);
        let scores: Vec<f32> = uniform(&format!("nms.{count}.scores"), count)
            .iter()
            .map(|u| (0.5 + u * 0.5) as f32)
            .collect();
        let groups: Vec<u32> = (0..count as u32).map(|i| i * 7 % 5).collect();
        for threshold in [0.5, 0.7] {
            let expected = goldens().indices(&format!("nms.{count}.{threshold}"));
            let kept = batched_nms_iou(&boxes, &scores, &groups, threshold);
            assert_eq!(kept, expected, "{count} {threshold}");
        }
    }
}

#[test]
fn proposals_are_upstreams() {
    let (size, padded) = ((301, 397), (320, 416));
    let mut before = 0;
    let levels = levels_of(padded)
        .into_iter()
        .enumerate()
        .map(|(number, size)| {
            let places = size.0 * size.1;
            let logits: Vec<f32> = (before..before + 3 * places)
                .map(|i| (4.0 * (i * 7919 % 100_003) as f64 / 100_003.0 - 2.0) as f32)
                .collect();
            before += 3 * places;
            let offsets = numbers(&format!("proposals.{number}.offsets"), 12 * places, 0.5);
            let mut values = Vec::with_capacity(ANSWERS * places);
            for place in 0..places {
                values.extend(logits[place..].iter().step_by(places));
                values.extend(offsets[place..].iter().step_by(places));
            }
            Answers { values, size }
        });
    let levels: Vec<Answers> = levels.collect();
    let got = proposals(&levels, size, padded, &RESNET50_FPN);
    let expected = goldens().rows::<4>("proposals.output");
    assert!(expected.len() > 500);
    assert_near(&got, &expected, 1e-6, "proposals");
}

#[test]
fn the_largest_come_first_and_of_equal_ones_the_first() {
    assert_eq!(largest(&[1.0, 3.0, 3.0, 2.0, 3.0], 2), [1, 2]);
    assert_eq!(largest(&[1.0, 3.0, 2.0], 7), [1, 2, 0]);
    assert!(largest(&[], 3).is_empty());
    let many = numbers("largest", 5000, 1.0);
    let mut sorted: Vec<usize> = (0..many.len()).collect();
    sorted.sort_by(|&a, &b| many[b].total_cmp(&many[a]));
    assert_eq!(largest(&many, 1000), sorted[..1000]);
}

#[test]
fn boxes_are_pooled_from_upstreams_levels() {
    let sides = [
        0.0, 1.0, 111.9, 112.0, 112.1, 223.9, 224.0, 224.1, 447.9, 448.0, 448.1, 895.0, 896.0,
    ];
    let mut boxes: Vec<[f32; 4]> = sides
        .map(|side: f32| [3.0, 5.0, 3.0 + side, 5.0 + side])
        .to_vec();
    boxes.extend(heap("levels", 200, 1300.0, 800.0, 200.0));
    let got: Vec<i64> = boxes
        .iter()
        .map(|&bbox| roi_pool::level_of(bbox).into())
        .collect();
    assert_eq!(got, goldens().integers("levels.output"));
}

#[test]
fn pooled_boxes_are_upstreams() {
    let maps = (0..4).map(|i| {
        let (height, width) = (256 >> (i + 2), 320 >> (i + 2));
        let values = numbers(&format!("pool.{i}"), 3 * height * width, 1.0);
        nhwc(&values, [1, 3, height, width])
    });
    let maps: Vec<_> = maps.collect();
    let boxes = heap("pool.boxes", 40, 300.0, 250.0, 100.0);
    let expected = goldens().floats("pool.output");
    for isa in Isa::available() {
        let (_, got) = nchw(&roi_pool::pool(&maps, &boxes, isa));
        // Every third box is in the goldens.
        let got = got.chunks_exact(3 * 49).step_by(3).flatten();
        assert_eq!(got.clone().count(), expected.len());
        for (i, (got, expected)) in got.zip(&expected).enumerate() {
            assert!((got - expected).abs() <= 2e-6, "{i}: {got}, not {expected}");
        }
    }
}

#[test]
fn persons_are_upstreams_whatever_else_is_found() {
    let goldens = goldens();
    let (size, count) = ((800, 1066), 300);
    for (name, background, person) in [
        ("few", 9.5, 4.0),
        ("hundreds", 7.4, 1.0),
        ("many", 3.0, 1.0),
    ] {
        let case = format!("detections.{name}");
        let mut logits = uniform(&format!("{case}.logits"), count * 91);
        logits.iter_mut().for_each(|logit| *logit *= 5.0);
        for row in logits.chunks_exact_mut(91) {
            row[0] += background;
            row[1] += person;
        }
        let logits: Vec<f32> = logits.iter().map(|&logit| logit as f32).collect();
        let offsets = numbers(&format!("{case}.offsets"), count * 364, 1.0);
        let mut boxes = heap(&format!("{case}.boxes"), count, 1066.0, 800.0, 120.0);
        for [x0, y0, x1, y1] in &mut boxes {
            for x in [x0, x1] {
                *x = x.clamp(0.0, 1066.0);
            }
            for y in [y0, y1] {
                *y = y.clamp(0.0, 800.0);
            }
        }
        let guesses = guesses(&logits, 91);
        let [seen, _] = *goldens.indices(&format!("{case}.candidates")) else {
            panic!("two numbers")
        };
        assert_eq!(guesses.len(), seen, "{name}");
        let offsets_of = |guess: &crate::faster_rcnn::detections::Guess| {
            offsets.as_chunks::<4>().0[guess.proposal * 91 + guess.class as usize]
        };
        let candidates = Candidates::new(&guesses, &boxes, offsets_of, size);
        let persons = candidates.persons(100);
        let expected = goldens.rows::<5>(&format!("{case}.persons"));
        assert!(expected.len() > 5);
        let found: Vec<_> = persons.iter().map(|&i| candidates.boxes[i]).collect();
        let rows: Vec<_> = expected
            .iter()
            .map(|&[a, b, c, d, _]| [a, b, c, d])
            .collect();
        assert_near(&found, &rows, 1e-6, name);
        for (&index, row) in persons.iter().zip(&expected) {
            assert!((candidates.scores[index] - row[4]).abs() <= 1e-6, "{name}");
        }
    }
}

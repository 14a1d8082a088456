//! Max pooling of whole activations against plain loops.

use crate::reference::Numbers;
use kernels::{Extent, Isa, MaxPool2d};

fn plain(pool: MaxPool2d, input: &[f32], extent: Extent, channels: usize) -> Vec<f32> {
    let output = pool.output_extent(extent).unwrap();
    let mut result = Vec::new();
    for image in 0..extent.batch {
        for (y, x) in (0..output.height).flat_map(|y| (0..output.width).map(move |x| (y, x))) {
            for channel in 0..channels {
                let mut largest = f32::NEG_INFINITY;
                for i in 0..pool.window * pool.window {
                    let y = (y * pool.stride + i / pool.window).wrapping_sub(pool.padding);
                    let x = (x * pool.stride + i % pool.window).wrapping_sub(pool.padding);
                    if y < extent.height && x < extent.width {
                        let at = (image * extent.height + y) * extent.width + x;
                        largest = largest.max(input[at * channels + channel]);
                    }
                }
                result.push(largest);
            }
        }
    }
    result
}

#[test]
fn matches_plain_loops() {
    for isa in Isa::available() {
        for (window, stride, padding) in [(3, 2, 1), (1, 2, 0), (2, 2, 0), (3, 1, 2)] {
            for (batch, height, width) in [(1, 8, 9), (2, 1, 1), (1, 7, 2), (3, 5, 4), (0, 4, 4)] {
                for channels in [1, 8, 19, 64] {
                    let pool = MaxPool2d {
                        window,
                        stride,
                        padding,
                    };
                    let extent = Extent {
                        batch,
                        height,
                        width,
                    };
                    if pool.output_extent(extent).is_none() {
                        continue;
                    }
                    let input = Numbers::new(3).take(extent.pixels() * channels);
                    let expected = plain(pool, &input, extent, channels);
                    assert_eq!(pool.forward(isa, &input, extent, channels), expected);
                }
            }
        }
    }
}

#[test]
fn nan_wins_and_minus_infinity_is_a_number() {
    let pool = MaxPool2d {
        window: 3,
        stride: 2,
        padding: 1,
    };
    let extent = Extent {
        batch: 1,
        height: 2,
        width: 6,
    };
    for isa in Isa::available() {
        let mut input = vec![f32::NEG_INFINITY; 12];
        input[3] = f32::NAN;
        let got = pool.forward(isa, &input, extent, 1);
        assert!(got[0] == f32::NEG_INFINITY && got[1].is_nan() && got[2].is_nan());
    }
}

#[test]
fn a_window_larger_than_the_image_has_no_output() {
    let pool = MaxPool2d {
        window: 3,
        stride: 2,
        padding: 0,
    };
    let extent = Extent {
        batch: 1,
        height: 2,
        width: 9,
    };
    assert_eq!(pool.output_extent(extent), None);
}

//! The arithmetic of one tile: F(2×2, 3×3) and F(4×4, 3×3) after Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2015.
//!
//! A tile of `OUT`×`OUT` outputs sees `IN` = `OUT` + 2 pixels each way. Pixels, kernels and sums are values of polynomials
//! at `IN` points, where a convolution is a product number by number. The functions here take one row or column through
//! one of the three transforms.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::lanes::Lanes;

/// One size of tile.
pub(super) trait Tile<const IN: usize, const OUT: usize> {
    /// From three numbers of a kernel to their values at the points.
    const KERNEL: [[f64; 3]; IN];

    fn input<L: Lanes>(lanes: L, pixels: [L::Vector; IN]) -> [L::Vector; IN];

    fn output<L: Lanes>(lanes: L, sums: [L::Vector; IN]) -> [L::Vector; OUT];
}

/// F(2×2, 3×3) at 0, 1, -1 and infinity: 4 multiplications an output instead of 9, and no more rounding than without.
pub(super) struct F2;

impl Tile<4, 2> for F2 {
    const KERNEL: [[f64; 3]; 4] = [
        [1.0, 0.0, 0.0],
        [0.5, 0.5, 0.5],
        [0.5, -0.5, 0.5],
        [0.0, 0.0, 1.0],
    ];

    #[inline(always)]
    fn input<L: Lanes>(lanes: L, [a, b, c, d]: [L::Vector; 4]) -> [L::Vector; 4] {
        [
            lanes.sub(a, c),
            lanes.add(b, c),
            lanes.sub(c, b),
            lanes.sub(d, b),
        ]
    }

    #[inline(always)]
    fn output<L: Lanes>(lanes: L, [a, b, c, d]: [L::Vector; 4]) -> [L::Vector; 2] {
        [lanes.add(lanes.add(a, b), c), lanes.add(lanes.sub(b, c), d)]
    }
}

/// F(4×4, 3×3): 2.25 multiplications an output.
///
/// At 0, ±1/√2, ±√2 and infinity, not at the usual 0, ±1, ±2 and infinity: half the rounding (measured over 256 channels:
/// 1.4e-6 of the outputs' deviation against 3.0e-6, and 0.7e-6 without Winograd), because no power of a point is far from 1.
pub(super) struct F4;

impl Tile<6, 4> for F4 {
    const KERNEL: [[f64; 3]; 6] = {
        const A: f64 = std::f64::consts::FRAC_1_SQRT_2;
        const B: f64 = std::f64::consts::SQRT_2;
        [
            [1.0, 0.0, 0.0],
            [-2.0 / 3.0, -2.0 / 3.0 * A, -1.0 / 3.0],
            [-2.0 / 3.0, 2.0 / 3.0 * A, -1.0 / 3.0],
            [1.0 / 6.0, B / 6.0, 1.0 / 3.0],
            [1.0 / 6.0, -B / 6.0, 1.0 / 3.0],
            [0.0, 0.0, 1.0],
        ]
    };

    // With p(x) = x (x² - 1/2) (x² - 2), the row of a point q has the coefficients of p(x) / (x - q).
    #[inline(always)]
    fn input<L: Lanes>(lanes: L, [a, b, c, d, e, f]: [L::Vector; 6]) -> [L::Vector; 6] {
        let times = |x, factor: f32, plus| lanes.mul_add(x, lanes.splat(factor), plus);
        let (even_small, odd_small) = (times(c, -2.0, e), times(b, -2.0, d));
        let (even_large, odd_large) = (times(c, -0.5, e), times(b, -0.5, d));
        [
            lanes.add(times(c, -2.5, e), a),
            times(odd_small, FRAC_1_SQRT_2, even_small),
            times(odd_small, -FRAC_1_SQRT_2, even_small),
            times(odd_large, SQRT_2, even_large),
            times(odd_large, -SQRT_2, even_large),
            lanes.add(times(d, -2.5, f), b),
        ]
    }

    #[inline(always)]
    fn output<L: Lanes>(lanes: L, [a, b, c, d, e, f]: [L::Vector; 6]) -> [L::Vector; 4] {
        let times = |x, factor: f32, plus| lanes.mul_add(x, lanes.splat(factor), plus);
        let (even_small, odd_small) = (lanes.add(b, c), lanes.sub(b, c));
        let (even_large, odd_large) = (lanes.add(d, e), lanes.sub(d, e));
        let scaled = |x, factor: f32| lanes.mul(x, lanes.splat(factor));
        [
            lanes.add(lanes.add(a, even_small), even_large),
            times(odd_small, FRAC_1_SQRT_2, scaled(odd_large, SQRT_2)),
            times(even_small, 0.5, scaled(even_large, 2.0)),
            times(
                odd_small,
                FRAC_1_SQRT_2 / 2.0,
                times(odd_large, 2.0 * SQRT_2, f),
            ),
        ]
    }
}

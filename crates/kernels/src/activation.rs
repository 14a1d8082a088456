//! Functions applied to every element of a layer's output.

use crate::lanes::Lanes;

/// What follows a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `x * sigmoid(1.702 x)`, OpenAI CLIP's approximation of GELU.
    QuickGelu,
    /// `x * (1 + erf(x / sqrt 2)) / 2`, within 3e-7 of the largest of 1 and |x|; behind products of bf16 within 2e-4.
    Gelu,
}

/// A function of one number, lane by lane. Types rather than closures: a closure would not be compiled for the
/// instruction set of the loop it is called from.
pub(crate) trait Pointwise {
    fn apply<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector;
}

pub(crate) struct Identity;
pub(crate) struct Relu;
pub(crate) struct QuickGelu;
pub(crate) struct Gelu;
/// For layers of bf16, whose outputs are mostly rounded next: a twentieth of what that takes off a number near 1, at most.
pub(crate) struct RoughGelu;

impl Pointwise for Identity {
    #[inline(always)]
    fn apply<L: Lanes>(_lanes: L, x: L::Vector) -> L::Vector {
        x
    }
}

impl Pointwise for Relu {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
        lanes.at_least(x, lanes.splat(0.0))
    }
}

impl Pointwise for QuickGelu {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
        let exp = exp(lanes, lanes.mul(x, lanes.splat(-1.702)));
        lanes.div(x, lanes.add(exp, lanes.splat(1.0)))
    }
}

impl Pointwise for Gelu {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
        let scaled = lanes.mul(x, lanes.splat(std::f32::consts::FRAC_1_SQRT_2));
        let half = lanes.mul(x, lanes.splat(0.5));
        lanes.mul_add(half, erf(lanes, scaled), half)
    }
}

impl Pointwise for RoughGelu {
    #[inline(always)]
    fn apply<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
        let scaled = lanes.mul(x, lanes.splat(std::f32::consts::FRAC_1_SQRT_2));
        let half = lanes.mul(x, lanes.splat(0.5));
        lanes.mul_add(half, rough_erf(lanes, scaled), half)
    }
}

/// Adding it leaves the integer nearest to a small number in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// `e` to the power of each lane, within two units in the last place from -87 to 88 and limited to the values there. NaN
/// stays NaN.
///
/// Cephes' method: a power of 2, times a polynomial in what is left, at most `ln 2 / 2`.
#[inline(always)]
fn exp<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    exp_not_above_0(lanes, lanes.at_most(x, lanes.splat(88.0)))
}

/// [`exp`] without the upper limit: for numbers up to 0, as they come before a softmax.
#[inline(always)]
pub(crate) fn exp_not_above_0<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    const LN_2_UPPER: f32 = 0.693_359_4;
    const LN_2_LOWER: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 6] = [
        1.987_569_2e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ];
    let x = lanes.at_least(x, lanes.splat(-87.0));
    let bits = lanes.mul_add(x, lanes.splat(std::f32::consts::LOG2_E), lanes.splat(ROUND));
    let n = lanes.sub(bits, lanes.splat(ROUND));
    let rest = lanes.mul_add(n, lanes.splat(-LN_2_UPPER), x);
    let rest = lanes.mul_add(n, lanes.splat(-LN_2_LOWER), rest);
    let sum = polynomial(lanes, rest, &POLYNOMIAL);
    let linear = lanes.add(rest, lanes.splat(1.0));
    let sum = lanes.mul_add(lanes.mul(rest, rest), sum, linear);
    lanes.mul(sum, lanes.exp2_of_low_bits(bits))
}

/// 2 to the power of each lane, numbers up to 0, within 3e-6 of it from -126 on and limited to the value there. NaN stays NaN.
#[inline(always)]
pub(crate) fn rough_exp2_not_above_0<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    const POLYNOMIAL: [f32; 5] = [
        9.569_99e-3,
        5.591_758e-2,
        2.402_474_5e-1,
        6.931_218_5e-1,
        9.999_993e-1,
    ];
    let x = lanes.at_least(x, lanes.splat(-126.0));
    let bits = lanes.add(x, lanes.splat(ROUND));
    let rest = lanes.sub(x, lanes.sub(bits, lanes.splat(ROUND)));
    let sum = polynomial(lanes, rest, &POLYNOMIAL);
    lanes.mul(sum, lanes.exp2_of_low_bits(bits))
}

/// The error function, within 7e-5: an odd polynomial up to 2.9, from where on it is 1.
#[inline(always)]
fn rough_erf<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    const POLYNOMIAL: [f32; 8] = [
        -4.682_708_8e-7,
        1.905_994e-5,
        -3.374_446_2e-4,
        3.457_388_8e-3,
        -2.313_161_6e-2,
        1.084_434_8e-1,
        -3.737_430_6e-1,
        1.127_998_1,
    ];
    let x = lanes.at_least(lanes.at_most(x, lanes.splat(2.9)), lanes.splat(-2.9));
    let erf = lanes.mul(x, polynomial(lanes, lanes.mul(x, x), &POLYNOMIAL));
    lanes.at_least(lanes.at_most(erf, lanes.splat(1.0)), lanes.splat(-1.0))
}

/// The error function, within 5e-7: an odd rational function up to 4, where it is 1 to the last place.
#[inline(always)]
fn erf<L: Lanes>(lanes: L, x: L::Vector) -> L::Vector {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_5e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329_2e-3,
        -1.426_473_9e-2,
    ];
    let x = lanes.at_least(lanes.at_most(x, lanes.splat(4.0)), lanes.splat(-4.0));
    let square = lanes.mul(x, x);
    let above = lanes.mul(x, polynomial(lanes, square, &ABOVE));
    let erf = lanes.div(above, polynomial(lanes, square, &BELOW));
    // At 4 it may lack a unit in the last place to 1, which GELU would multiply with any large negative number.
    let erf = lanes.mul(erf, lanes.splat(1.0 + f32::EPSILON));
    lanes.at_least(lanes.at_most(erf, lanes.splat(1.0)), lanes.splat(-1.0))
}

/// The highest power's coefficient comes first.
#[inline(always)]
fn polynomial<L: Lanes>(lanes: L, x: L::Vector, coefficients: &[f32]) -> L::Vector {
    let mut sum = lanes.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = lanes.mul_add(sum, x, lanes.splat(*coefficient));
    }
    sum
}

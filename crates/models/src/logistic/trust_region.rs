//! Trust region Newton method (TRON), with the constants and the stopping rules of scikit-learn's copy of liblinear.

/// A twice differentiable convex function.
pub(super) trait Objective {
    /// What an evaluation leaves for Hessian products at the same point.
    type State;

    fn dimensions(&self) -> usize;

    fn evaluate(&self, weights: &[f64]) -> Point<Self::State>;

    fn hessian_product(&self, state: &Self::State, direction: &[f64]) -> Vec<f64>;
}

/// The function at one place.
pub(super) struct Point<S> {
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    pub(super) state: S,
}

/// Where the search ended.
#[derive(Debug)]
pub(super) struct Minimum {
    pub(super) weights: Vec<f64>,
    /// Steps that were taken.
    pub(super) iterations: usize,
}

/// A step is taken if the function falls by at least this part of what the quadratic model promised.
const ACCEPTED: f64 = 1e-4;
/// Below the first, the model was poor and the region shrinks; above the second, it was good and the region grows.
const POOR: f64 = 0.25;
const GOOD: f64 = 0.75;
/// By which the region's radius changes: least, when it shrinks at all, most.
const RADIUS: [f64; 3] = [0.25, 0.5, 4.0];
/// How far conjugate gradients go: until the residual is this part of the gradient.
const RESIDUAL: f64 = 0.1;
/// Steps in a row that may be refused. Each at least halves the radius, so that after fewer of them nothing is left of
/// it; liblinear has no limit, which is none for numbers that are not finite either.
const MAX_REFUSED: usize = 200;

/// Minimises `function` from 0, until the gradient's length is at most `tolerance` of what it was at the start, or after
/// `max_iterations` steps. `None` when the function's values stop being numbers.
pub(super) fn minimise<F: Objective>(
    function: &F,
    tolerance: f64,
    max_iterations: usize,
) -> Option<Minimum> {
    let mut weights = vec![0.0; function.dimensions()];
    let mut point = function.evaluate(&weights);
    let first_norm = norm(&point.gradient);
    let mut radius = first_norm;
    let (mut iterations, mut refused) = (0, 0);
    while iterations < max_iterations && norm(&point.gradient) > tolerance * first_norm {
        let step = solve_within(function, &point, radius);
        let tried: Vec<f64> = weights.iter().zip(&step.step).map(|(w, s)| w + s).collect();
        let next = function.evaluate(&tried);
        if !next.value.is_finite() {
            return None;
        }
        let slope = dot(&point.gradient, &step.step);
        let predicted = -0.5 * (slope - dot(&step.step, &step.residual));
        let actual = point.value - next.value;
        let length = norm(&step.step);
        if iterations == 0 {
            radius = radius.min(length);
        }
        radius = next_radius(radius, length, slope, actual, predicted);
        if actual > ACCEPTED * predicted {
            iterations += 1;
            refused = 0;
            weights = tried;
            point = next;
        } else {
            refused += 1;
        }
        if stalled(point.value, actual, predicted) || refused >= MAX_REFUSED {
            break;
        }
    }
    Some(Minimum {
        weights,
        iterations,
    })
}

fn next_radius(radius: f64, length: f64, slope: f64, actual: f64, predicted: f64) -> f64 {
    let [least, shrink, most] = RADIUS;
    // Where the parabola through both values and the slope has its minimum, in lengths of the step.
    let bend = -actual - slope;
    let reach = if bend <= 0.0 {
        most
    } else {
        least.max(-0.5 * (slope / bend))
    };
    let target = reach * length;
    if actual < ACCEPTED * predicted {
        (reach.max(least) * length).min(shrink * radius)
    } else if actual < POOR * predicted {
        (least * radius).max(target.min(shrink * radius))
    } else if actual < GOOD * predicted {
        (least * radius).max(target.min(most * radius))
    } else {
        radius.max(target.min(most * radius))
    }
}

/// Whether both reductions are lost in the function's rounding.
fn stalled(value: f64, actual: f64, predicted: f64) -> bool {
    let rounding = 1e-12 * value.abs();
    (actual.abs() <= 0.0 && predicted <= 0.0)
        || (actual.abs() <= rounding && predicted.abs() <= rounding)
}

struct Step {
    step: Vec<f64>,
    /// `-gradient - Hessian · step`.
    residual: Vec<f64>,
}

/// Conjugate gradients for `Hessian · step = -gradient`, up to the border of the region.
fn solve_within<F: Objective>(function: &F, point: &Point<F::State>, radius: f64) -> Step {
    let mut step = vec![0.0; point.gradient.len()];
    let mut residual: Vec<f64> = point.gradient.iter().map(|g| -g).collect();
    let mut direction = residual.clone();
    let enough = RESIDUAL * norm(&point.gradient);
    let mut squared = dot(&residual, &residual);
    // In exact arithmetic there are no more directions than dimensions.
    for _ in 0..10 * step.len() {
        if norm(&residual) <= enough {
            break;
        }
        let bent = function.hessian_product(&point.state, &direction);
        let length = squared / dot(&direction, &bent);
        add(&mut step, length, &direction);
        if norm(&step) > radius {
            add(&mut step, -length, &direction);
            let length = to_border(&step, &direction, radius);
            add(&mut step, length, &direction);
            add(&mut residual, -length, &bent);
            break;
        }
        add(&mut residual, -length, &bent);
        let next = dot(&residual, &residual);
        let ratio = next / squared;
        for (d, r) in direction.iter_mut().zip(&residual) {
            *d = *d * ratio + r;
        }
        squared = next;
    }
    Step { step, residual }
}

/// How many times `direction` from `step` the region's border is.
fn to_border(step: &[f64], direction: &[f64], radius: f64) -> f64 {
    let (across, along) = (dot(step, direction), dot(direction, direction));
    let left = radius * radius - dot(step, step);
    let root = (across * across + along * left).sqrt();
    // Of the two forms of the solution, the one that subtracts no equals.
    if across >= 0.0 {
        left / (across + root)
    } else {
        (root - across) / along
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn add(sum: &mut [f64], factor: f64, addend: &[f64]) {
    for (sum, x) in sum.iter_mut().zip(addend) {
        *sum += factor * x;
    }
}

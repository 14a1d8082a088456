use std::fmt;

use serde::Serialize;

/// How long answers took, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Latency {
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// None of no answers.
    pub(super) fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let (&min, &max) = (times.first()?, times.last()?);
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        let at = |percent| percentile(&times, percent);
        Some(Self {
            min,
            mean: to_microseconds(mean),
            p50: at(50),
            p90: at(90),
            p95: at(95),
            p99: at(99),
            max,
        })
    }
}

/// By nearest rank: the least of the times that at least so many in a hundred do not exceed. It is always one that was measured.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// Digits beyond are noise.
pub(super) fn to_microseconds(milliseconds: f64) -> f64 {
    (milliseconds * 1e3).round() / 1e3
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            min,
            mean,
            p50,
            p90,
            p95,
            p99,
            max,
        } = self;
        write!(
            f,
            "min {min:.1}, mean {mean:.1}, p50 {p50:.1}, p90 {p90:.1}, p95 {p95:.1}, p99 {p99:.1}, max {max:.1}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let latency = Latency::of(hundred).unwrap();
        assert_eq!((latency.min, latency.mean, latency.max), (1.0, 50.5, 100.0));
        let percentiles = [latency.p50, latency.p90, latency.p95, latency.p99];
        assert_eq!(percentiles, [50.0, 90.0, 95.0, 99.0]);
    }

    #[test]
    fn of_few_times_each_percentile_is_one_of_them() {
        let one = Latency::of(vec![7.0]).unwrap();
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
        let three = Latency::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!((three.p50, three.p90, three.p99), (2.0, 3.0, 3.0));
        let two = Latency::of(vec![1.0, 2.0]).unwrap();
        assert_eq!((two.p50, two.p90), (1.0, 2.0));
        assert_eq!(Latency::of(Vec::new()), None);
    }
}

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

/// One row of the bench.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    /// A model's name and, for a whole detector, the size of the image; or `limit`: a square matrix product of 2048.
    pub(super) model: Cow<'static, str>,
    pub(super) batch: usize,
    pub(super) precision: &'static str,
    pub(super) median_ms: f64,
    pub(super) min_ms: f64,
    /// Billions of operations a second at the median, counted as upstream computes them; none where the count depends
    /// on what is in the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gflops: Option<f64>,
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            model,
            batch,
            precision,
            median_ms,
            min_ms,
            gflops,
        } = self;
        write!(
            f,
            "{model:<34} {batch:>5} {precision:>9} {median_ms:>11.2} {min_ms:>11.2}"
        )?;
        match gflops {
            Some(gflops) => write!(f, " {gflops:>9.1}"),
            None => write!(f, " {:>9}", "-"),
        }
    }
}

/// Runs once to warm up, then 3 to 20 times for about `time`, as `peers/timing.py` does: the median and the least, in
/// seconds.
pub(super) fn measure(time: Duration, mut run: impl FnMut()) -> (f64, f64) {
    run();
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || (times.len() < 20 && began.elapsed() < time) {
        let start = Instant::now();
        run();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    let median = if times.len().is_multiple_of(2) {
        (times[middle - 1] + times[middle]) / 2.0
    } else {
        times[middle]
    };
    (median, times[0])
}

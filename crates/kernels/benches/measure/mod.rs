use std::alloc::System;
use std::time::Instant;

use kernels::Retaining;

/// As the application has it: without it, page faults of fresh outputs are what is timed.
#[global_allocator]
static ALLOCATOR: Retaining<System> = Retaining::new(System, 320 << 20);

/// Runs `run` for about half a second; answers the median and the least of the times, in milliseconds.
pub(crate) fn measure(mut run: impl FnMut()) -> (f64, f64) {
    run();
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || began.elapsed().as_millis() < 500 {
        let start = Instant::now();
        run();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[0])
}

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Prints the median of the runs of a second (31 at most), and the least, which other work on the machine disturbs less.
pub(crate) fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || times.len() < 31 && began.elapsed() < Duration::from_secs(1) {
        let start = Instant::now();
        black_box(work());
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{name:50} {:8.2} ms, least {:8.2} ms",
        times[times.len() / 2],
        times[0]
    );
}

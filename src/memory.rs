//! The process's allocator, and what it keeps.

use std::time::Duration;

use kernels::{Mapped, Retaining};
use mimalloc::MiMalloc;

/// Bytes of freed activations that are kept for the next layer or request: what a detector needs to be as fast as with more.
const KEPT_BYTES: usize = 256 << 20;

/// What nobody has wanted for so long is given back, or a little later.
const UNUSED: Duration = Duration::from_secs(10);

#[global_allocator]
static ALLOCATOR: Retaining<Mapped<MiMalloc>> = Retaining::new(Mapped(MiMalloc), KEPT_BYTES);

/// Keeps at most `bytes` from now on.
pub(crate) fn keep_at_most(bytes: u64) {
    ALLOCATOR.set_limit(usize::try_from(bytes).unwrap_or(usize::MAX));
}

/// Gives back all that is kept: after loading, that is copies of weights, which nothing asks for again.
pub(crate) fn trim() {
    ALLOCATOR.trim();
}

/// Gives back what is not used, for ever.
pub(crate) async fn give_back_unused() {
    let mut ticks = tokio::time::interval(UNUSED);
    loop {
        ticks.tick().await;
        ALLOCATOR.give_back_unused();
    }
}

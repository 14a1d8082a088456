//! The `image-embed` command.

use std::process::ExitCode;

use kernels::Retaining;
use mimalloc::MiMalloc;

/// Freed activations that are kept for the next layer or request: about what a detector has in memory at a time.
const KEPT_BYTES: usize = 320 << 20;

#[global_allocator]
static ALLOCATOR: Retaining<MiMalloc> = Retaining::new(MiMalloc, KEPT_BYTES);

fn main() -> ExitCode {
    image_embed::cli::main()
}

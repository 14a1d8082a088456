//! The `image-embed` command.

use std::process::ExitCode;

/// Keeps freed memory for the next request: feature maps are tens of megabytes, and asking the system for them anew costs
/// a page fault every 4 KiB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    image_embed::cli::main()
}

//! The `image-embed` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    image_embed::cli::main()
}

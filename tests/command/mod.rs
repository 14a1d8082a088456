use std::process::Command;

/// The binary, in an environment that holds nothing of the developer's own.
pub(crate) fn image_embed(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-embed"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent");
    command
}

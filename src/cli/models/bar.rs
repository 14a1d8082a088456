use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use weights::{FileEntry, Progress};

/// A progress bar on the terminal; nothing where standard error is a file or a pipe.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(file: &FileEntry) -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(file.bytes, target);
        if let Ok(style) =
            ProgressStyle::with_template("{msg}  {bar:30}  {bytes}/{total_bytes}  {bytes_per_sec}")
        {
            bar.set_style(style);
        }
        bar.set_message(file.path);
        Self(bar)
    }
}

impl Progress for Bar {
    fn started(&self, total: Option<u64>) {
        self.0.reset();
        if let Some(total) = total {
            self.0.set_length(total);
        }
    }

    fn advanced(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn finished(&self) {
        self.0.finish_and_clear();
    }
}

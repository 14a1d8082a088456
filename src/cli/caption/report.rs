use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What the user is told: a bar on a terminal, else a line an image; and at the end what became of them all.
pub(super) struct Report {
    bar: Option<ProgressBar>,
    /// Images whose turn has not come.
    left: usize,
    kept: usize,
    captioned: usize,
    failures: Vec<(PathBuf, String)>,
    untrained: bool,
    /// Whether a second run does only what this one did not.
    resumable: bool,
}

/// Why a run is over.
pub(super) enum End {
    /// Every image had its turn.
    Done,
    /// The user did not want to wait; the signal's number.
    Signal(i32),
    /// The other images would have fared no better.
    Stopped(String),
}

impl Report {
    /// On a run that has `images` to caption, and keeps the captions of `kept` others.
    pub(super) fn new(images: usize, kept: usize, resumable: bool) -> Self {
        let bar = (io::stderr().is_terminal() && images > 0).then(|| bar(images));
        Self {
            bar,
            left: images,
            kept,
            captioned: 0,
            failures: Vec::new(),
            untrained: false,
            resumable,
        }
    }

    /// What never was an image to caption.
    pub(super) fn unusable(&mut self, path: PathBuf, reason: String) -> io::Result<()> {
        self.say(&format!("FAILED     {}  {reason}", path.display()))?;
        self.failures.push((path, reason));
        Ok(())
    }

    pub(super) fn captioned(&mut self, file: &Path, caption: &str) -> io::Result<()> {
        self.captioned += 1;
        self.step();
        self.say(&format!("captioned  {}  {caption}", file.display()))
    }

    /// Somebody else captioned it meanwhile.
    pub(super) fn kept(&mut self) {
        self.kept += 1;
        self.step();
    }

    pub(super) fn failed(&mut self, image: PathBuf, reason: String) -> io::Result<()> {
        self.step();
        self.unusable(image, reason)?;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} failed", self.failures.len()));
        }
        Ok(())
    }

    /// Says once that the captions mean nothing.
    pub(super) fn untrained(&mut self, models: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.untrained, true) {
            return Ok(());
        }
        self.say_error(&format!(
            "WARNING: nobody trained the weights of these captions ({models}): they mean nothing"
        ))
    }

    /// Lists the failures, counts, and gives the code to exit with.
    pub(super) fn finish(self, folder: &Path, end: End) -> anyhow::Result<ExitCode> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mut error = io::stderr().lock();
        if !self.failures.is_empty() {
            writeln!(error, "not captioned:")?;
        }
        for (path, reason) in &self.failures {
            writeln!(
                error,
                "  {}",
                printable(&format!("{}: {reason}", path.display()))
            )?;
        }
        drop(error);
        let mut out = io::stdout().lock();
        writeln!(out, "{}", printable(&self.summary(folder)))?;
        match end {
            End::Signal(signal) => {
                if self.resumable {
                    writeln!(out, "stopped; the same command goes on from here")?;
                }
                Ok(ExitCode::from(u8::try_from(128 + signal)?))
            }
            End::Stopped(reason) => anyhow::bail!(printable(&reason)),
            End::Done if self.failures.is_empty() && self.left == 0 => Ok(ExitCode::SUCCESS),
            End::Done => Ok(ExitCode::FAILURE),
        }
    }

    fn summary(&self, folder: &Path) -> String {
        let (captioned, failed, kept) = (self.captioned, self.failures.len(), self.kept);
        if captioned + failed + self.left == 0 {
            let folder = folder.display();
            return match kept {
                0 => format!("nothing to do: no images in {folder}"),
                _ => format!("nothing to do: {kept} images in {folder} have captions already"),
            };
        }
        let others = [
            (failed, "failed"),
            (kept, "had captions already"),
            (self.left, "not reached"),
        ];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let others: String = others
            .map(|(count, what)| format!("; {count} {what}"))
            .collect();
        format!("captioned {captioned}{others}")
    }

    fn step(&mut self) {
        self.left -= 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn say(&self, line: &str) -> io::Result<()> {
        match &self.bar {
            Some(_) => Ok(()),
            None => writeln!(io::stdout(), "{}", printable(line)),
        }
    }

    fn say_error(&self, line: &str) -> io::Result<()> {
        let say = || writeln!(io::stderr(), "{}", printable(line));
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }
}

fn bar(images: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(images as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30}  {pos}/{len} images  {eta} left  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// A line for a terminal: names of files and the words of servers may hold what would move its cursor.
fn printable(line: &str) -> String {
    line.replace(char::is_control, "\u{fffd}")
}

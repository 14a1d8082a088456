//! The command, and what it said.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::binary::image_embed;
use crate::server::Server;

/// Who is to caption.
pub(crate) enum Captioner {
    /// A server at this URL.
    Url(String),
    /// The process itself, on the weights in this folder.
    WeightsDir(PathBuf),
}

impl From<&Server> for Captioner {
    fn from(server: &Server) -> Self {
        Self::Url(server.url())
    }
}

/// What a finished command leaves.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The last line of standard output.
    pub(crate) fn summary(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// The reason that is listed at the end for the image of this name.
    pub(crate) fn reason(&self, name: &str) -> Option<&str> {
        let list = self.err.split_once("not captioned:\n")?.1;
        let lines = list.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(path, _)| path.rsplit('/').next() == Some(name));
        found.next().map(|(_, reason)| reason)
    }
}

/// The command about this folder.
pub(crate) fn command(captioner: &Captioner, folder: &Path, options: &[&str]) -> Command {
    let mut command = image_embed(&["caption"]);
    command.arg(folder).args(options);
    match captioner {
        Captioner::Url(url) => command.args(["--url", url]),
        Captioner::WeightsDir(dir) => command.arg("--offline").arg("--weights-dir").arg(dir),
    };
    command
}

/// Runs it to its end.
pub(crate) fn finish(mut command: Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Captions a folder.
pub(crate) fn caption(captioner: impl Into<Captioner>, folder: &Path, options: &[&str]) -> Run {
    finish(command(&captioner.into(), folder, options))
}

/// A command under way.
pub(crate) struct Running {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        Self { process, out }
    }

    /// Waits until so many more images are captioned.
    pub(crate) fn wait_for(&mut self, captioned: usize) {
        for _ in 0..captioned {
            let mut line = String::new();
            self.out.read_line(&mut line).unwrap();
            assert!(line.starts_with("captioned  "), "{line:?}");
        }
    }

    /// Sends it the signal of this name.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").arg(signal).arg(id).status();
        assert!(status.unwrap().success());
    }

    /// Ends it where it stands.
    pub(crate) fn kill_9(&mut self) {
        self.process.kill().unwrap();
    }

    pub(crate) fn finish(mut self) -> Run {
        let mut run = Run {
            code: None,
            out: String::new(),
            err: String::new(),
        };
        std::io::Read::read_to_string(&mut self.out, &mut run.out).unwrap();
        let mut err = self.process.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut err, &mut run.err).unwrap();
        run.code = self.process.wait().unwrap().code();
        run
    }
}

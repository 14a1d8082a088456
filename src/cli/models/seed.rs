use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use weights::seed;

use super::bar::Bar;
use super::{chosen, each_file};

#[derive(Args, Debug)]
pub(super) struct Seed {
    /// The folder to write to; serve it with `--weights-dir`
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Models to seed [default: those served by default]
    #[arg(value_name = "MODEL")]
    names: Vec<String>,

    /// One seed gives the same bytes on every machine
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl Seed {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        each_file(&chosen(&self.names)?, |file| {
            let seeded = seed::write(&self.dir, file, self.seed, &Bar::new(file))?;
            let word = if seeded.written { "seeded" } else { "present" };
            let path = seeded.path.display();
            Ok(format!("{word:8} {path}  {}  untrained", seeded.sha256))
        })
    }
}

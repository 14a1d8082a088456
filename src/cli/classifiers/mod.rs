//! `image-embed classifiers`: what there is, and what comes from elsewhere.

mod embedding;
mod import;
mod imported;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::ClassifiersSettings;

#[derive(Args, Debug)]
pub(crate) struct Classifiers {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read scikit-learn's pickled classifiers, executing nothing in them, and store them as versions
    Import(import::Import),
    /// Show every collection's versions, what they were trained on (a model with a question mark is assumed), and which is in force
    List {
        #[command(flatten)]
        classifiers: ClassifiersSettings,
    },
    /// Show the record of a collection's classifier in force
    Show(show::Show),
    /// Print a collection's classifier in force as JSON, with its coefficients
    Export(show::Export),
}

impl Classifiers {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Import(command) => command.run(),
            Command::List { classifiers } => show::list(&classifiers.folder()),
            Command::Show(command) => command.run(),
            Command::Export(command) => command.run(),
        }
    }
}

//! The command line: one file a command.

mod analyze;
mod api_key;
mod bench;
mod caption;
mod classifiers;
mod ending;
mod load;
mod models;
mod reload;
mod serve;
mod train;
mod upload_form;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::LogSettings;
use crate::telemetry;

/// Self-hosted image analysis: people, faces, embeddings and captions, over HTTP and on the command line.
///
/// Every setting can also be given as an environment variable, shown beside it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: LogSettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API
    Serve(serve::Serve),
    /// Analyse one image and print the response's JSON, without a server
    Analyze(analyze::Analyze),
    /// Write a caption beside every image of a folder, by the model in this process or by a running server
    Caption(caption::Caption),
    /// Time the models' forward passes, and the processor's limit
    Bench(bench::Bench),
    /// Ask a running server many times over, and measure its answers from the client's side
    Load(load::Load),
    /// List, download and check model weights
    Models(models::Models),
    /// Train classifiers of collections on labelled embeddings, and put the best of all versions in force
    Train(train::Train),
    /// Import, list, show and export classifiers
    Classifiers(classifiers::Classifiers),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = telemetry::start(&cli.log).and_then(|()| match cli.command {
        Command::Serve(command) => command.run(),
        Command::Analyze(command) => command.run(),
        Command::Caption(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Load(command) => command.run(),
        Command::Models(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Classifiers(command) => command.run(),
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done about a closed standard error.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("image-embed: {error:#}\n").as_bytes(),
            );
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_the_variable_of_its_name() {
        for command in Cli::command().get_subcommands() {
            for arg in command
                .get_arguments()
                .filter(|arg| arg.get_env().is_some())
            {
                let flag = arg
                    .get_long()
                    .expect("a setting has a flag")
                    .to_uppercase()
                    .replace('-', "_");
                assert_eq!(
                    arg.get_env().unwrap().to_str(),
                    Some(format!("IMAGE_EMBED_{flag}").as_str())
                );
            }
        }
    }
}

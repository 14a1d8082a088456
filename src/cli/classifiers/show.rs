use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use engine::classifiers::{
    Classifier, ClassifierFolder, Record, ServedClassifier, ServedClassifiers,
};
use serde_json::json;

use crate::config::ClassifiersSettings;

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The collection's number
    #[arg(value_name = "ID")]
    collection: u64,
    #[command(flatten)]
    classifiers: ClassifiersSettings,
}

#[derive(Args, Debug)]
pub(super) struct Export {
    /// The collection's number
    #[arg(value_name = "ID")]
    collection: u64,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    classifiers: ClassifiersSettings,
}

/// A line a version, oldest first. A model with a question mark is assumed, as nobody said which it was.
pub(super) fn list(folder: &ClassifierFolder) -> anyhow::Result<ExitCode> {
    let best = folder.best_models()?;
    let mut code = ExitCode::SUCCESS;
    let mut out = io::stdout().lock();
    let versions = folder.versions()?;
    for &name in &versions {
        let in_force = best.0.get(&name.collection);
        let in_force = in_force.is_some_and(|best| best.model_file == name.file_name());
        let word = if in_force { "in force" } else { "stored  " };
        let line = match Classifier::open(&folder.path_of(name)) {
            Ok(classifier) => {
                let record = &classifier.record;
                let precision = record.metrics.map_or_else(String::new, |metrics| {
                    format!("  precision {:.4}", metrics.macro_precision)
                });
                let (region, embedding) = (&record.derivative_type, &record.embedding_type);
                let width = record.dimensionality;
                let models = models(record);
                format!("{word}  {name}  {region}  {embedding}  {models}  {width}{precision}")
            }
            Err(error) => {
                code = ExitCode::FAILURE;
                format!("BROKEN    {name}  {error}")
            }
        };
        writeln!(out, "{line}")?;
    }
    let has_file = |file: &str| versions.iter().any(|name| name.file_name() == file);
    for (collection, best) in best
        .0
        .iter()
        .filter(|(_, best)| !has_file(&best.model_file))
    {
        code = ExitCode::FAILURE;
        let file = folder.path().join(&best.model_file);
        let hint = match file.extension().is_some_and(|it| it == "pkl") {
            true => "a pickle: `image-embed classifiers import` makes a classifier of it",
            false => "which is not there",
        };
        writeln!(
            out,
            "BROKEN    collection {collection} has {} in force, {hint}",
            best.model_file
        )?;
    }
    Ok(code)
}

/// The models that made what it was trained on, those that are assumed with a question mark.
fn models(record: &Record) -> String {
    let names = record.models().into_iter().map(|it| match it.assumed {
        true => it.model + "?",
        false => it.model,
    });
    let names: Vec<String> = names.collect();
    match names.is_empty() {
        true => "?".to_owned(),
        false => names.join("+"),
    }
}

/// The classifier that a server would have now.
fn in_force(
    settings: &ClassifiersSettings,
    collection: u64,
) -> anyhow::Result<(ServedClassifier, Arc<Classifier>)> {
    // Says what is wrong with the file as a whole.
    settings.folder().best_models()?;
    let folder = &settings.classifiers_dir;
    let served = ServedClassifiers::new(folder)
        .get(collection)
        .with_context(|| {
            format!(
                "no classifier of collection {collection} in {}",
                folder.display()
            )
        })?;
    let problem = served.problem.clone().unwrap_or_default();
    let classifier = served.classifier.clone().context(problem)?;
    Ok((served, classifier))
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (served, classifier) = in_force(&self.classifiers, self.collection)?;
        let shown = json!({
            "collection_id": self.collection,
            "model_file": served.best.model_file,
            "record": classifier.record,
            "embedding_models": classifier.record.models(),
            "last_bake_off": served.best.metrics,
            "problem": served.problem,
        });
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&shown)?)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (_, classifier) = in_force(&self.classifiers, self.collection)?;
        let exported = json!({
            "collection_id": self.collection,
            "classes": [false, true],
            "coefficients": classifier.model.coefficients(),
            "intercept": classifier.model.intercept(),
            "record": classifier.record,
        });
        let mut text = serde_json::to_string(&exported)?;
        text.push('\n');
        match &self.output {
            Some(path) => {
                std::fs::write(path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            None => io::stdout().write_all(text.as_bytes())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

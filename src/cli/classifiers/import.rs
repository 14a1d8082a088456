use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use engine::classifiers::{
    BestModel, BestModels, Classifier, Record, Version, VersionName, WritableFolder,
};
use models::logistic::LogisticRegression;
use time::OffsetDateTime;
use weights::PickledClassifier;

use crate::config::ClassifiersSettings;

#[derive(Args, Debug)]
pub(super) struct Import {
    /// Pickled classifiers; collection and version come from the file's name, as the Python service gives it, and what it was
    /// trained on from the `best_models.json` beside it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The collection of files whose names do not say it
    #[arg(long, value_name = "ID")]
    collection: Option<u64>,

    /// The part of an image that it was trained on [default: what best_models.json says, else whole_image]
    #[arg(long, value_name = "TARGET", value_parser = crate::cli::train::target)]
    derivative_type: Option<String>,

    /// What made the embeddings [default: what best_models.json says, else what has as many numbers]
    #[arg(long, value_name = "OPERATION")]
    embedding_type: Option<String>,

    #[command(flatten)]
    classifiers: ClassifiersSettings,
}

/// A classifier that was stored, or was there already.
struct Imported {
    name: VersionName,
    classifier: Classifier,
    /// How good a reason there is to put it in force: later ones win among equals.
    claim: Claim,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// It is there.
    Version,
    /// It has the name of the copy of the best.
    Copy,
    /// `best_models.json` beside it names it.
    Named,
}

impl Import {
    /// Every file, whatever happens to the others, a line each.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let folder = self.classifiers.folder().lock()?;
        let mut code = ExitCode::SUCCESS;
        let mut imported: BTreeMap<u64, Vec<Imported>> = BTreeMap::new();
        for file in &self.files {
            let line = match self.import(&folder, file) {
                Ok((it, word)) => {
                    let line = format!("{word}  {} as {}", file.display(), it.name);
                    imported.entry(it.name.collection).or_default().push(it);
                    line
                }
                Err(error) => {
                    code = ExitCode::FAILURE;
                    format!("FAILED    {error:#}")
                }
            };
            writeln!(io::stdout(), "{line}")?;
        }
        for (collection, candidates) in imported {
            put_in_force(&folder, collection, &candidates)?;
        }
        Ok(code)
    }

    fn import(
        &self,
        folder: &WritableFolder,
        file: &Path,
    ) -> anyhow::Result<(Imported, &'static str)> {
        let shown = file.display();
        let pickled = PickledClassifier::open(file)?;
        let named = file
            .file_stem()
            .and_then(|stem| VersionName::parse(&stem.to_string_lossy()));
        let collection = match (named, self.collection) {
            (Some(name), Some(said)) if name.collection != said => {
                bail!(
                    "{shown}: its name says collection {}, --collection {said}",
                    name.collection
                )
            }
            (Some(name), _) => name.collection,
            (None, Some(said)) => said,
            (None, None) => bail!(
                "{shown}: its name does not say of which collection it is; add --collection ID"
            ),
        };
        let version = match named.and_then(|name| name.version) {
            Some(version) => version,
            None => version_of_date(file)?,
        };
        let name = VersionName {
            collection,
            version: Some(version),
        };
        let (entry, claim) = beside(file, collection, named)?;
        let record = self.record(&pickled, entry, version, file)?;
        let classifier = Classifier {
            collection,
            model: LogisticRegression::new(pickled.coefficients, pickled.intercept)?,
            record,
        };
        let imported = Imported {
            name,
            classifier,
            claim,
        };
        if claim == Claim::Copy
            && let Some(name) = same_numbers(folder, &imported)?
        {
            return Ok((Imported { name, ..imported }, "present "));
        }
        let path = folder.folder().path_of(name);
        if path.exists() {
            let there = Classifier::open(&path)?;
            if there.model != imported.classifier.model {
                bail!(
                    "{shown}: {} is there already, with other numbers",
                    path.display()
                );
            }
            return Ok((imported, "present "));
        }
        folder.save(name, &imported.classifier)?;
        Ok((imported, "imported"))
    }

    fn record(
        &self,
        pickled: &PickledClassifier,
        entry: Option<BestModel>,
        version: Version,
        file: &Path,
    ) -> anyhow::Result<Record> {
        let dimensionality = pickled.coefficients.len();
        let (region, embedding) = match entry {
            Some(entry) => (entry.derivative_type, entry.embedding_type),
            None => (None, None),
        };
        let usual = || match dimensionality {
            512 => Some("embed_clip_vit_b_32".to_owned()),
            768 => Some("embed_dino_v2".to_owned()),
            1280 => Some("embed_clip_vit_b_32+embed_dino_v2".to_owned()),
            _ => None,
        };
        let embedding = self.embedding_type.clone().or(embedding).or_else(usual);
        let scikit_learn = pickled
            .scikit_learn
            .as_deref()
            .unwrap_or("of an unknown version");
        let file_name = file.file_name().unwrap_or_default().to_string_lossy();
        Ok(Record {
            derivative_type: self
                .derivative_type
                .clone()
                .or(region)
                .unwrap_or_else(|| "whole_image".to_owned()),
            embedding_type: embedding.with_context(|| {
                let shown = file.display();
                format!("{shown}: nothing says which embedding has {dimensionality} numbers; add --embedding-type")
            })?,
            dimensionality,
            trained_at: Some(version.to_string()),
            origin: Some(format!("imported from {file_name} (scikit-learn {scikit_learn})")),
            samples: None,
            metrics: None,
        })
    }
}

/// The stored version that has the numbers of what is imported: the copy of the best is a copy of one of them.
fn same_numbers(
    folder: &WritableFolder,
    imported: &Imported,
) -> anyhow::Result<Option<VersionName>> {
    let folder = folder.folder();
    let same = |name: &VersionName| {
        name.collection == imported.name.collection
            && Classifier::open(&folder.path_of(*name))
                .is_ok_and(|it| it.model == imported.classifier.model)
    };
    Ok(folder.versions()?.into_iter().find(same))
}

fn version_of_date(file: &Path) -> anyhow::Result<Version> {
    let date = std::fs::metadata(file).and_then(|it| it.modified());
    let date = date.with_context(|| format!("cannot tell the date of {}", file.display()))?;
    Ok(Version::at(OffsetDateTime::from(date)))
}

/// What the `best_models.json` beside the file says of its collection, and whether it names this file.
fn beside(
    file: &Path,
    collection: u64,
    named: Option<VersionName>,
) -> anyhow::Result<(Option<BestModel>, Claim)> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entry = BestModels::read(folder)?.0.remove(&collection);
    let is_named = entry.as_ref().is_some_and(|entry| {
        file.file_name()
            .is_some_and(|name| name == entry.model_file.as_str())
    });
    let claim = match named {
        _ if is_named => Claim::Named,
        Some(VersionName { version: None, .. }) => Claim::Copy,
        _ => Claim::Version,
    };
    Ok((entry, claim))
}

/// An imported version is put in force where none is that can be served: which is the best of several only a bake-off can tell.
fn put_in_force(
    folder: &WritableFolder,
    collection: u64,
    candidates: &[Imported],
) -> anyhow::Result<()> {
    let best = folder.folder().best_models()?;
    if let Some(best) = best.0.get(&collection)
        && Classifier::open(&folder.folder().path().join(&best.model_file)).is_ok()
    {
        return Ok(());
    }
    let chosen = candidates.iter().max_by_key(|it| (it.claim, it.name));
    let Some(chosen) = chosen else {
        return Ok(());
    };
    let entry = BestModel::new(chosen.name.file_name(), &chosen.classifier.record, None);
    folder.put_in_force(chosen.name, &chosen.classifier, entry)?;
    writeln!(io::stdout(), "in force  {}", chosen.name)?;
    Ok(())
}

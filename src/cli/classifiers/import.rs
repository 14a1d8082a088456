use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use engine::classifiers::{BestModel, Classifier, Record, Version, VersionName, WritableFolder};
use models::logistic::LogisticRegression;
use time::OffsetDateTime;
use weights::PickledClassifier;

use super::embedding::Embedding;
use super::imported::{Claim, Imported, beside, put_in_force, refresh, same_numbers, warn_of};
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

    /// What made the embeddings that it was trained on: operations (embed_clip_vit_b_32) or models (clip-vit-b-16), several joined by +
    /// [default: what best_models.json says, else what has as many numbers, as the Python service's default models make them]
    #[arg(long, alias = "embedding-type", value_name = "NAMES", value_parser = Embedding::parse)]
    embedding: Option<Embedding>,

    #[command(flatten)]
    classifiers: ClassifiersSettings,
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
        let assumed = imported.values().flatten();
        let assumed =
            assumed.filter(|it| it.classifier.record.models().iter().any(|it| it.assumed));
        warn_of(&assumed.collect::<Vec<_>>())?;
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
            return self.present(folder, Imported { name, ..imported });
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
            return self.present(folder, imported);
        }
        folder.save(name, &imported.classifier)?;
        Ok((imported, "imported"))
    }

    /// One that is stored already. What `--embedding` says of it counts, as that is how a wrong guess is mended.
    fn present(
        &self,
        folder: &WritableFolder,
        imported: Imported,
    ) -> anyhow::Result<(Imported, &'static str)> {
        let Imported { name, claim, .. } = imported;
        let mut classifier = Classifier::open(&folder.folder().path_of(name))?;
        let said = self.embedding.as_ref();
        let mended = said.filter(|it| !it.is_that_of(&classifier.record));
        if let Some(said) = mended {
            classifier.record.embedding_type = said.embedding_type.clone();
            classifier.record.embedding_models = said.models.clone();
            folder.save(name, &classifier)?;
            refresh(folder, name, &classifier)?;
        }
        let word = mended.map_or("present ", |_| "mended  ");
        let there = Imported {
            name,
            classifier,
            claim,
        };
        Ok((there, word))
    }

    fn record(
        &self,
        pickled: &PickledClassifier,
        entry: Option<BestModel>,
        version: Version,
        file: &Path,
    ) -> anyhow::Result<Record> {
        let dimensionality = pickled.coefficients.len();
        let (region, embedding_type) = match entry {
            Some(entry) => (entry.derivative_type, entry.embedding_type),
            None => (None, None),
        };
        let embedding = self.embedding.clone();
        let embedding = embedding.or_else(|| embedding_type.as_deref().map(Embedding::assumed));
        let embedding = embedding.or_else(|| Embedding::of_width(dimensionality));
        let embedding = embedding.with_context(|| {
            let shown = file.display();
            format!("{shown}: nothing says which embedding has {dimensionality} numbers; add --embedding")
        })?;
        let scikit_learn = pickled
            .scikit_learn
            .as_deref()
            .unwrap_or("of an unknown version");
        let file_name = file.file_name().unwrap_or_default().to_string_lossy();
        let region = self.derivative_type.clone().or(region);
        let region = region.as_deref().unwrap_or("whole_image");
        Ok(Record {
            embedding_models: embedding.models,
            trained_at: Some(version.to_string()),
            origin: Some(format!(
                "imported from {file_name} (scikit-learn {scikit_learn})"
            )),
            ..Record::new(region, &embedding.embedding_type, dimensionality)
        })
    }
}

fn version_of_date(file: &Path) -> anyhow::Result<Version> {
    let date = std::fs::metadata(file).and_then(|it| it.modified());
    let date = date.with_context(|| format!("cannot tell the date of {}", file.display()))?;
    Ok(Version::at(OffsetDateTime::from(date)))
}

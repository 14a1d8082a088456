//! One collection: from samples to the classifier in force.

use std::time::Instant;

use engine::classifiers::{
    BestModel, Classifier, KEPT_VERSIONS, MetricsRecord, Record, SampleCounts, VersionName,
    WritableFolder, bake_off,
};
use models::logistic::{FitOptions, Metrics, Samples, fit, stratified_split};

use super::report::{Outcome, Trained};
use super::source::{Collection, Source};

pub(super) struct Training<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) folder: &'a WritableFolder,
    pub(super) seed: u32,
}

impl Training<'_> {
    /// Whatever happens, the collection has the classifier that it had or a better one.
    pub(super) fn train(&self, collection: &Collection) -> Outcome {
        let Some(id) = collection.id else {
            return Outcome::Failed(collection.problem.clone().unwrap_or_default());
        };
        if let Some(problem) = &collection.problem {
            return Outcome::Failed(problem.clone());
        }
        let data = match self.source.training_data(id) {
            Ok(data) => data,
            Err(error) => return Outcome::Failed(format!("{error:#}")),
        };
        if data.labels.is_empty() {
            return Outcome::Skipped("it has no training data".to_owned());
        }
        // Checked as a whole first, so that rows are named by their place in the file.
        if let Err(error) = Samples::new(&data.features, &data.labels) {
            return Outcome::Failed(error.to_string());
        }
        let split = match stratified_split(&data.labels, self.seed) {
            Ok(split) => split,
            Err(error) => return Outcome::Skipped(error.to_string()),
        };
        let (train, test) = (data.select(&split.train), data.select(&split.test));
        let samples = SampleCounts {
            train: train.labels.len(),
            test: test.labels.len(),
            positives: data.labels.iter().filter(|&&label| label).count(),
        };
        drop(data);
        let trained = Samples::new(&train.features, &train.labels).and_then(|train| {
            let test = Samples::new(&test.features, &test.labels)?;
            Ok(self.fit_and_compare(id, collection, samples, &train, &test))
        });
        match trained {
            Ok(Ok(trained)) => Outcome::Trained(Box::new(trained)),
            Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn fit_and_compare(
        &self,
        id: u64,
        collection: &Collection,
        samples: SampleCounts,
        train: &Samples<'_>,
        test: &Samples<'_>,
    ) -> anyhow::Result<Trained> {
        let began = Instant::now();
        let fit = fit(train, &FitOptions::default())?;
        let fit_ms = began.elapsed().as_secs_f64() * 1e3;
        let metrics = Metrics::of(&fit.model, test);
        let name = self.folder.new_version(id)?;
        let focus = &collection.focus;
        let made_by = self.source.made_by(&focus.embedding_type);
        let (region, embedding) = (&focus.derivative_type, &focus.embedding_type);
        let record = Record {
            embedding_models: made_by.models,
            exif_orientation_applied: made_by.exif_orientation_applied,
            trained_at: name.version.map(|version| version.to_string()),
            origin: Some(concat!("image-embed ", env!("CARGO_PKG_VERSION")).to_owned()),
            samples: Some(samples),
            metrics: Some(metrics.into()),
            ..Record::new(region, embedding, train.width())
        };
        let classifier = Classifier {
            collection: id,
            model: fit.model,
            record: record.clone(),
        };
        self.folder.save(name, &classifier)?;

        let Stored { versions, unread } = self.stored(id)?;
        let ranking = bake_off(&versions, &record, test);
        let best = ranking
            .first()
            .ok_or_else(|| anyhow::anyhow!("no version to put in force"))?;
        let best_metrics: Option<MetricsRecord> = best.metrics.map(Into::into);
        let in_force = versions.iter().find(|(name, _)| *name == best.name);
        if let Some((name, classifier)) = in_force {
            let entry = BestModel::new(name.file_name(), &best.record, best_metrics);
            self.folder.put_in_force(*name, classifier, entry)?;
        }
        let mut pruned = 0;
        for loser in ranking.iter().skip(KEPT_VERSIONS) {
            pruned += usize::from(self.folder.remove(loser.name)?);
        }
        Ok(Trained {
            version: name,
            samples,
            dimensionality: record.dimensionality,
            metrics: metrics.into(),
            iterations: fit.iterations,
            converged: fit.converged,
            fit_ms,
            best: best.name,
            best_metrics,
            versions: ranking.len() - pruned,
            pruned,
            unread,
        })
    }

    fn stored(&self, id: u64) -> anyhow::Result<Stored> {
        let folder = self.folder.folder();
        let mut stored = Stored::default();
        let names = folder.versions()?.into_iter();
        for name in names.filter(|name| name.collection == id) {
            let path = folder.path_of(name);
            match Classifier::open(&path) {
                Ok(classifier) if classifier.collection == id => {
                    stored.versions.push((name, classifier));
                }
                Ok(other) => {
                    let (path, found) = (path.display(), other.collection);
                    stored
                        .unread
                        .push(format!("{path}: it is of collection {found}"));
                }
                Err(error) => stored.unread.push(error.to_string()),
            }
        }
        Ok(stored)
    }
}

/// The versions of a collection, and what is wrong with those that cannot be read; they stay where they are.
#[derive(Default)]
struct Stored {
    versions: Vec<(VersionName, Classifier)>,
    unread: Vec<String>,
}

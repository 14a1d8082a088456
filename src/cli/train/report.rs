//! What came of each collection.

use std::io::{self, Write};

use engine::classifiers::{MetricsRecord, SampleCounts, VersionName};
use serde_json::{Value, json};

use super::source::Collection;

/// What came of a collection.
#[derive(Debug)]
pub(super) enum Outcome {
    Trained(Box<Trained>),
    /// There was nothing to train on.
    Skipped(String),
    /// Something is wrong with its data, or with what is stored of it.
    Failed(String),
}

/// A new version, and the one in force.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) version: VersionName,
    pub(super) samples: SampleCounts,
    pub(super) dimensionality: usize,
    pub(super) metrics: MetricsRecord,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) fit_ms: f64,
    pub(super) best: VersionName,
    pub(super) best_metrics: Option<MetricsRecord>,
    /// Versions that are stored now, and those that went.
    pub(super) versions: usize,
    pub(super) pruned: usize,
    /// What is wrong with stored versions that cannot be read.
    pub(super) unread: Vec<String>,
}

/// Every collection's outcome, in the order of the list.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(Collection, Outcome)>);

const HEADINGS: [&str; 10] = [
    "collection",
    "name",
    "rows",
    "in it",
    "dims",
    "fit ms",
    "precision",
    "ROC AUC",
    "in force",
    "precision",
];

impl Report {
    pub(super) fn add(&mut self, collection: &Collection, outcome: Outcome) {
        self.0.push((collection.clone(), outcome));
    }

    pub(super) fn any_failed(&self) -> bool {
        self.0
            .iter()
            .any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)))
    }

    pub(super) fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        let rows: Vec<Value> = self
            .0
            .iter()
            .map(|(collection, outcome)| {
                let mut row = json!({
                    "collection_id": collection.id,
                    "name": collection.name,
                    "derivative_type": collection.focus.derivative_type,
                    "embedding_type": collection.focus.embedding_type,
                });
                row["status"] = match outcome {
                    Outcome::Trained(_) => "trained",
                    Outcome::Skipped(_) => "skipped",
                    Outcome::Failed(_) => "failed",
                }
                .into();
                match outcome {
                    Outcome::Skipped(reason) | Outcome::Failed(reason) => {
                        row["reason"] = json!(reason)
                    }
                    Outcome::Trained(trained) => {
                        row["model_file"] = trained.version.file_name().into();
                        row["dimensionality"] = trained.dimensionality.into();
                        row["samples"] = json!(trained.samples);
                        row["metrics"] = json!(trained.metrics);
                        row["iterations"] = trained.iterations.into();
                        row["converged"] = trained.converged.into();
                        row["fit_ms"] = trained.fit_ms.into();
                        row["best"] = json!({
                            "model_file": trained.best.file_name(),
                            "metrics": trained.best_metrics,
                        });
                        row["versions"] = trained.versions.into();
                        row["pruned"] = trained.pruned.into();
                        row["unread"] = json!(trained.unread);
                    }
                }
                row
            })
            .collect();
        serde_json::to_writer_pretty(&mut out, &rows)?;
        writeln!(out)
    }

    pub(super) fn write_table(&self, mut out: impl Write) -> io::Result<()> {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        rows.extend(
            self.0
                .iter()
                .filter_map(|(collection, outcome)| match outcome {
                    Outcome::Trained(trained) => Some(cells(collection, trained)),
                    _ => None,
                }),
        );
        if rows.len() > 1 {
            let widths: [usize; 10] = std::array::from_fn(|i| {
                rows.iter()
                    .map(|row| row[i].chars().count())
                    .max()
                    .unwrap_or(0)
            });
            for row in &rows {
                let cells = row.iter().zip(widths).enumerate();
                let line: Vec<String> = cells
                    .map(|(column, (cell, width))| match column {
                        1 | 8 => format!("{cell:width$}"),
                        _ => format!("{cell:>width$}"),
                    })
                    .collect();
                writeln!(out, "{}", line.join("  ").trim_end())?;
            }
        }
        for (collection, outcome) in &self.0 {
            match outcome {
                Outcome::Skipped(reason) => writeln!(out, "{collection}: skipped: {reason}")?,
                Outcome::Failed(reason) => writeln!(out, "{collection}: FAILED: {reason}")?,
                Outcome::Trained(trained) => {
                    if !trained.converged {
                        let steps = trained.iterations;
                        writeln!(out, "{collection}: not converged after {steps} iterations")?;
                    }
                    for problem in &trained.unread {
                        writeln!(out, "{collection}: not compared: {problem}")?;
                    }
                    if trained.pruned > 0 {
                        let (pruned, kept) = (trained.pruned, trained.versions);
                        writeln!(out, "{collection}: {pruned} versions removed, {kept} kept")?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn cells(collection: &Collection, trained: &Trained) -> [String; 10] {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.4}"));
    let in_force = match trained.best.version {
        Some(_) if trained.best == trained.version => "the new one".to_owned(),
        Some(version) => version.to_string(),
        None => "-".to_owned(),
    };
    [
        collection
            .id
            .map_or_else(|| "-".to_owned(), |id| id.to_string()),
        collection.name.chars().take(30).collect(),
        (trained.samples.train + trained.samples.test).to_string(),
        trained.samples.positives.to_string(),
        trained.dimensionality.to_string(),
        format!("{:.1}", trained.fit_ms),
        number(Some(trained.metrics.macro_precision)),
        number(trained.metrics.roc_auc),
        in_force,
        number(trained.best_metrics.map(|it| it.macro_precision)),
    ]
}

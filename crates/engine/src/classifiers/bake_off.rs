//! Which of several versions is the best on the samples held out last.

use models::logistic::{Metrics, Samples};

use super::classifier::Classifier;
use super::record::Record;
use super::version::VersionName;

/// A version, and how it did.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name.
    pub name: VersionName,
    /// Its record.
    pub record: Record,
    /// How it did; none where it was trained on another region or other embeddings than the samples have, or on those of another model.
    pub metrics: Option<Metrics>,
}

/// Judges every version on `samples`, which have the region and the embeddings of `latest`. The best comes first: by macro
/// precision, the later version where two are equal; after all those come versions that cannot be judged.
///
/// An older version may have been trained on rows that are held out now, as in the Python service.
#[must_use]
pub fn bake_off(
    versions: &[(VersionName, Classifier)],
    latest: &Record,
    samples: &Samples<'_>,
) -> Vec<Contender> {
    let mut contenders: Vec<Contender> = versions
        .iter()
        .map(|(name, classifier)| {
            let record = &classifier.record;
            let comparable =
                record.is_comparable_with(latest) && record.dimensionality == samples.width();
            Contender {
                name: *name,
                record: record.clone(),
                metrics: comparable.then(|| Metrics::of(&classifier.model, samples)),
            }
        })
        .collect();
    // Metrics are never negative, nor NaN.
    let rank = |it: &Contender| it.metrics.map_or(-1.0, |metrics| metrics.macro_precision);
    contenders.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(b.name.cmp(&a.name)));
    contenders
}

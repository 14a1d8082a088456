//! How good a classifier is on samples that it has not seen.

use super::{LogisticRegression, Samples};

/// scikit-learn's measures, with `average="macro"` (the mean over the classes, however rare each is) and
/// `zero_division=0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Of what was said to be in a class, the part that is.
    pub macro_precision: f64,
    /// Of what is in a class, the part that was found.
    pub macro_recall: f64,
    /// Harmonic mean of precision and recall, class by class.
    pub macro_f1: f64,
    /// The part that was told right.
    pub accuracy: f64,
    /// The probability that a member gets a higher decision than an outsider, ties counting half. None where there are
    /// not both.
    pub roc_auc: Option<f64>,
}

impl Metrics {
    /// Of `model` on `samples`.
    ///
    /// # Panics
    /// When the samples have another width than the model.
    #[must_use]
    pub fn of(model: &LogisticRegression, samples: &Samples<'_>) -> Self {
        let decisions: Vec<f64> = samples.rows().map(|row| model.decision(row)).collect();
        Self::from_decisions(samples.labels(), &decisions)
    }

    /// Of decisions, one a label; those above 0 say that the sample is in the class.
    ///
    /// # Panics
    /// When there are not as many decisions as labels.
    #[must_use]
    pub fn from_decisions(labels: &[bool], decisions: &[f64]) -> Self {
        assert_eq!(labels.len(), decisions.len(), "decisions for each label");
        // [label][said]
        let mut counts = [[0_usize; 2]; 2];
        for (&label, &decision) in labels.iter().zip(decisions) {
            counts[usize::from(label)][usize::from(decision > 0.0)] += 1;
        }
        let class = |class: usize| {
            let right = counts[class][class];
            let said = right + counts[1 - class][class];
            let there = right + counts[class][1 - class];
            // A class that is neither there nor ever said is none of the classes.
            (said + there > 0).then(|| {
                [
                    ratio(right, said),
                    ratio(right, there),
                    ratio(2 * right, said + there),
                ]
            })
        };
        let classes: Vec<[f64; 3]> = [class(0), class(1)].into_iter().flatten().collect();
        let [macro_precision, macro_recall, macro_f1] = std::array::from_fn(|measure| {
            let sum: f64 = classes.iter().map(|class| class[measure]).sum();
            sum / (classes.len().max(1) as f64)
        });
        Self {
            macro_precision,
            macro_recall,
            macro_f1,
            accuracy: ratio(counts[0][0] + counts[1][1], labels.len()),
            roc_auc: roc_auc(labels, decisions),
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// By ranks (Mann and Whitney): equal decisions share the mean of their ranks.
fn roc_auc(labels: &[bool], decisions: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| decisions[a].total_cmp(&decisions[b]));
    let positives = labels.iter().filter(|&&label| label).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    // Pairs that are in the right order, doubled so that ties are whole numbers.
    let (mut doubled, mut below) = (0_u128, 0_usize);
    #[expect(clippy::float_cmp, reason = "a tie is equality")]
    for tied in order.chunk_by(|&a, &b| decisions[a] == decisions[b]) {
        let members = tied.iter().filter(|&&index| labels[index]).count();
        let outsiders = tied.len() - members;
        doubled += members as u128 * (2 * below + outsiders) as u128;
        below += outsiders;
    }
    Some(doubled as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_nothing_is_said_to_be_in_has_no_precision() {
        let metrics = Metrics::from_decisions(&[true, false, false, false], &[-1.0; 4]);
        assert_eq!(metrics.macro_precision, 0.375);
        assert_eq!(metrics.macro_recall, 0.5);
        assert_eq!(metrics.accuracy, 0.75);
        assert_eq!(metrics.roc_auc, Some(0.5));
    }

    #[test]
    fn a_decision_of_zero_is_no() {
        let metrics = Metrics::from_decisions(&[false, true], &[0.0, f64::MIN_POSITIVE]);
        assert_eq!((metrics.accuracy, metrics.macro_f1), (1.0, 1.0));
    }

    #[test]
    fn one_class_has_no_roc_and_is_the_only_one_that_counts() {
        let metrics = Metrics::from_decisions(&[false, false], &[-1.0, -2.0]);
        assert_eq!((metrics.macro_precision, metrics.roc_auc), (1.0, None));
    }
}

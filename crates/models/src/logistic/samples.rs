//! What a classifier is trained and tested on.

/// Why embeddings and labels are nothing to learn from.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SamplesError {
    /// There are no rows, or rows of no numbers.
    #[error("no training data")]
    Empty,
    /// The numbers are not as many whole rows as there are labels.
    #[error("{numbers} numbers are not whole rows for {labels} labels")]
    Shape {
        /// How many numbers there are.
        numbers: usize,
        /// How many labels there are.
        labels: usize,
    },
    /// An embedding with a number that is infinite or not a number.
    #[error("row {row} has {value} at {column}")]
    NotFinite {
        /// Which embedding, from 0.
        row: usize,
        /// Which of its numbers, from 0.
        column: usize,
        /// What it is.
        value: f32,
    },
}

/// Embeddings with labels: whether each belongs to the class. All numbers are finite.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    features: &'a [f32],
    labels: &'a [bool],
    width: usize,
}

impl<'a> Samples<'a> {
    /// `features` is `[labels.len(), width]`, row-major; the width follows from both lengths.
    ///
    /// # Errors
    /// [`SamplesError`] when there is nothing, the lengths do not fit, or a number is not finite.
    pub fn new(features: &'a [f32], labels: &'a [bool]) -> Result<Self, SamplesError> {
        if features.is_empty() && labels.is_empty() {
            return Err(SamplesError::Empty);
        }
        if labels.is_empty() || !features.len().is_multiple_of(labels.len()) {
            return Err(SamplesError::Shape {
                numbers: features.len(),
                labels: labels.len(),
            });
        }
        let width = features.len() / labels.len();
        if width == 0 {
            return Err(SamplesError::Empty);
        }
        match features.iter().position(|x| !x.is_finite()) {
            None => Ok(Self {
                features,
                labels,
                width,
            }),
            Some(at) => Err(SamplesError::NotFinite {
                row: at / width,
                column: at % width,
                value: features[at],
            }),
        }
    }

    /// All embeddings, `[labels().len(), width()]`.
    #[must_use]
    pub fn features(&self) -> &'a [f32] {
        self.features
    }

    /// Whether each embedding belongs to the class.
    #[must_use]
    pub fn labels(&self) -> &'a [bool] {
        self.labels
    }

    /// How many numbers an embedding has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The embeddings one by one.
    pub fn rows(&self) -> impl Iterator<Item = &'a [f32]> {
        self.features.chunks_exact(self.width)
    }

    /// How many embeddings belong to the class.
    #[must_use]
    pub fn positives(&self) -> usize {
        self.labels.iter().filter(|&&label| label).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_finite_rows_are_samples() {
        let samples = Samples::new(&[1.0, 2.0, 3.0, 4.0], &[true, false]).unwrap();
        assert_eq!((samples.width(), samples.positives()), (2, 1));
        assert_eq!(samples.rows().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
        let refused = |features: &[f32], labels: &[bool]| {
            Samples::new(features, labels).unwrap_err().to_string()
        };
        assert_eq!(refused(&[], &[]), "no training data");
        assert_eq!(refused(&[], &[true]), "no training data");
        assert_eq!(
            refused(&[1.0; 3], &[true, false]),
            "3 numbers are not whole rows for 2 labels"
        );
        assert_eq!(
            refused(&[1.0], &[]),
            "1 numbers are not whole rows for 0 labels"
        );
        assert_eq!(
            refused(&[0.0, 1.0, 2.0, f32::NAN], &[true, false]),
            "row 1 has NaN at 1"
        );
    }
}

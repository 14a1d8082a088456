//! Logistic regression as scikit-learn's `LogisticRegression(class_weight="balanced", C=0.1, solver="liblinear")` fits it:
//! one linear layer and a sigmoid, on embeddings.
//!
//! Paper: Lin, Weng, Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 9 (2008). Upstream:
//! scikit-learn 1.9.1, `sklearn/svm/src/liblinear/{linear,tron}.cpp`, `sklearn/linear_model/_logistic.py`.
//!
//! liblinear stops well before the optimum (on separable classes its coefficients are off by some percent), so that the same
//! answers need the same steps: [`fit()`] makes them, down to where each one stops. Deviation: features are `f32`, as
//! embeddings are; all sums are `f64`, as upstream's.

mod fit;
mod loss;
mod mersenne_twister;
mod metrics;
mod samples;
mod split;
mod trust_region;

#[cfg(test)]
mod tests;

pub use fit::{Fit, FitError, FitOptions, fit};
pub use metrics::Metrics;
pub use samples::{Samples, SamplesError};
pub use split::{Split, SplitError, stratified_split};

/// Numbers that are no classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// There must be a coefficient for each number of the embedding.
    #[error("a classifier without coefficients")]
    Empty,
    /// Infinite or not a number; `index` is that of the coefficient, or none for the intercept.
    #[error("{} is {value}", match index {
        Some(index) => format!("coefficient {index}"),
        None => "the intercept".to_owned(),
    })]
    NotFinite {
        /// Which coefficient; none for the intercept.
        index: Option<usize>,
        /// What it is.
        value: f64,
    },
}

/// A fitted binary classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    coefficients: Vec<f64>,
    intercept: f64,
}

impl LogisticRegression {
    /// A classifier of embeddings that are as long as `coefficients`.
    ///
    /// # Errors
    /// [`ModelError`] when there are no coefficients or any number is not finite.
    pub fn new(coefficients: Vec<f64>, intercept: f64) -> Result<Self, ModelError> {
        if coefficients.is_empty() {
            return Err(ModelError::Empty);
        }
        let numbers = coefficients.iter().copied().enumerate();
        let numbers = numbers.map(|(index, value)| (Some(index), value));
        for (index, value) in numbers.chain([(None, intercept)]) {
            if !value.is_finite() {
                return Err(ModelError::NotFinite { index, value });
            }
        }
        Ok(Self {
            coefficients,
            intercept,
        })
    }

    /// One a dimension of the embedding: scikit-learn's `coef_[0]`.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// scikit-learn's `intercept_[0]`.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The logarithm of the odds that `embedding` belongs to the class: scikit-learn's `decision_function`.
    /// Above 0 it does.
    ///
    /// # Panics
    /// When the embedding has another length than the coefficients.
    #[must_use]
    pub fn decision(&self, embedding: &[f32]) -> f64 {
        assert_eq!(
            embedding.len(),
            self.coefficients.len(),
            "length of the embedding"
        );
        let products = embedding.iter().zip(&self.coefficients);
        let sum: f64 = products.map(|(&x, c)| f64::from(x) * c).sum();
        sum + self.intercept
    }

    /// The probability that `embedding` belongs to the class: scikit-learn's `predict_proba(…)[0][1]`.
    ///
    /// # Panics
    /// As [`LogisticRegression::decision`].
    #[must_use]
    pub fn probability(&self, embedding: &[f32]) -> f64 {
        sigmoid(self.decision(embedding))
    }
}

/// `1 / (1 + exp(-x))`; where the exponential is infinite, 0 is right.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

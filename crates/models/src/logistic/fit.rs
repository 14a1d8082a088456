//! Fitting: scikit-learn's weights of the classes and its tolerance, around liblinear's method.

use super::loss::LogisticLoss;
use super::trust_region::minimise;
use super::{LogisticRegression, ModelError, Samples};

/// Settings, by their names in scikit-learn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Inverse of the regularisation's strength: by how much the loss outweighs the penalty.
    pub c: f64,
    /// Of the gradient's length, where the search ends; scaled, as in liblinear, by the rarer class's share.
    pub tolerance: f64,
    /// Steps at most.
    pub max_iterations: usize,
}

impl Default for FitOptions {
    /// What the Python service trains with: `C=0.1`, and scikit-learn's defaults.
    fn default() -> Self {
        Self {
            c: 0.1,
            tolerance: 1e-4,
            max_iterations: 100,
        }
    }
}

/// A classifier, and how it was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The classifier.
    pub model: LogisticRegression,
    /// Steps taken: scikit-learn's `n_iter_`.
    pub iterations: usize,
    /// False where the steps ran out first; scikit-learn then warns, and keeps the classifier.
    pub converged: bool,
}

/// Why there is no classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to tell apart.
    #[error("all {rows} rows are labelled {label}")]
    OneClass {
        /// How many rows there are.
        rows: usize,
        /// The label they all have.
        label: bool,
    },
    /// `c` is not a positive number.
    #[error("C is {0}, which must be positive and finite")]
    C(f64),
    /// The embeddings are so large that sums over them overflow.
    #[error("the numbers are too large to fit a classifier to")]
    TooLarge,
}

/// Fits with balanced class weights: both classes count the same, however many rows each has.
///
/// Splits the work over the threads of the rayon pool that it is called in; the result is the same for any number of them.
///
/// # Errors
/// [`FitError`] when one class is missing, `options.c` is unusable, or the numbers overflow.
pub fn fit(samples: &Samples<'_>, options: &FitOptions) -> Result<Fit, FitError> {
    if !(options.c.is_finite() && options.c > 0.0) {
        return Err(FitError::C(options.c));
    }
    let rows = samples.labels().len();
    let positives = samples.positives();
    let negatives = rows - positives;
    if positives == 0 || negatives == 0 {
        let label = positives > 0;
        return Err(FitError::OneClass { rows, label });
    }
    let cost = |count: usize| options.c * (rows as f64 / (2.0 * count as f64));
    let loss = LogisticLoss::new(*samples, [cost(negatives), cost(positives)]);
    let rarer = positives.min(negatives) as f64 / rows as f64;
    let found = minimise(&loss, options.tolerance * rarer, options.max_iterations)
        .ok_or(FitError::TooLarge)?;
    let (&intercept, coefficients) = found.weights.split_last().ok_or(FitError::TooLarge)?;
    let model = match LogisticRegression::new(coefficients.to_vec(), intercept) {
        Ok(model) => model,
        Err(ModelError::Empty | ModelError::NotFinite { .. }) => return Err(FitError::TooLarge),
    };
    Ok(Fit {
        model,
        iterations: found.iterations,
        converged: found.iterations < options.max_iterations,
    })
}

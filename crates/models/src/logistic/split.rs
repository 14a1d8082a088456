//! Holding samples out: scikit-learn's `train_test_split(…, test_size=0.2, stratify=labels, random_state=seed)`, to the row,
//! so that a classifier is trained and judged on the rows on which the Python service would have done it.

use super::mersenne_twister::MersenneTwister;

/// Of the rows, the part that is held out.
const TEST_SHARE: f64 = 0.2;

/// Which rows are for what, in the order in which scikit-learn has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<u32>,
    /// Rows to judge on.
    pub test: Vec<u32>,
}

/// Why rows cannot be split.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitError {
    /// Each class must be on both sides.
    #[error("only {count} rows are labelled {label}, and a class needs 2 at least")]
    TooFew {
        /// How many rows the class has.
        count: usize,
        /// The class.
        label: bool,
    },
    /// A fifth of so few rows cannot hold both classes.
    #[error("{rows} rows, and there must be 6 at least")]
    TooSmall {
        /// How many rows there are.
        rows: usize,
    },
    /// More rows than the splitting counts.
    #[error("{rows} rows are more than {}", u32::MAX)]
    TooMany {
        /// How many rows there are.
        rows: usize,
    },
}

/// Splits `labels.len()` rows into four fifths to train on and a fifth to judge on, with the classes' shares kept.
///
/// # Errors
/// [`SplitError`] when there are too few rows of a class or altogether.
pub fn stratified_split(labels: &[bool], seed: u32) -> Result<Split, SplitError> {
    let rows = labels.len();
    if u32::try_from(rows).is_err() {
        return Err(SplitError::TooMany { rows });
    }
    let mut classes: [Vec<u32>; 2] = Default::default();
    for (row, &label) in labels.iter().enumerate() {
        classes[usize::from(label)].push(row as u32);
    }
    for (class, label) in classes.iter().zip([false, true]) {
        if class.len() < 2 {
            let count = class.len();
            return Err(SplitError::TooFew { count, label });
        }
    }
    let test_count = (TEST_SHARE * rows as f64).ceil() as usize;
    if test_count < classes.len() {
        return Err(SplitError::TooSmall { rows });
    }
    let mut random = MersenneTwister::new(seed);
    let counts = [classes[0].len(), classes[1].len()];
    let train_counts = shares(counts, rows - test_count, &mut random);
    let left = [counts[0] - train_counts[0], counts[1] - train_counts[1]];
    let test_counts = shares(left, test_count, &mut random);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for class in 0..2 {
        let order = random.permutation(counts[class] as u32);
        let mut chosen = order.into_iter().map(|i| classes[class][i as usize]);
        train.extend(chosen.by_ref().take(train_counts[class]));
        test.extend(chosen.take(test_counts[class]));
    }
    random.shuffle(&mut train);
    random.shuffle(&mut test);
    Ok(Split { train, test })
}

/// How many of `drawn` rows each class gets: its share rounded down, and what is left over to those that lost most, by lot
/// if they lost the same.
fn shares(counts: [usize; 2], drawn: usize, random: &mut MersenneTwister) -> [usize; 2] {
    let all = (counts[0] + counts[1]) as f64;
    let exact = counts.map(|count| count as f64 / all * drawn as f64);
    let mut shares = exact.map(|share| share.floor() as usize);
    let lost = exact.map(|share| share - share.floor());
    let mut left = drawn.saturating_sub(shares[0] + shares[1]);
    if left == 0 {
        return shares;
    }
    #[expect(clippy::float_cmp, reason = "a tie is equality")]
    let tied = lost[0] == lost[1];
    let order = if tied {
        let order = random.permutation(2);
        [order[0] as usize, order[1] as usize]
    } else if lost[0] > lost[1] {
        [0, 1]
    } else {
        [1, 0]
    };
    for class in order {
        if left > 0 {
            shares[class] += 1;
            left -= 1;
        }
    }
    shares
}

use crate::goldens::Goldens;
use crate::goldens::formula::uniform;

use super::*;

/// `DataSet` of `parity/cases/logistic.py`: its name, and what it is made of.
struct DataSet {
    name: &'static str,
    rows: usize,
    width: usize,
    share: f64,
    spread: f64,
    distance: f64,
}

const DATA_SETS: [DataSet; 7] = [
    data_set("tiny", 20, 512, 0.5, 0.5, 0.1),
    data_set("balanced", 300, 64, 0.5, 1.0, 0.15),
    data_set("one_to_fifty", 1020, 48, 0.02, 1.0, 0.3),
    data_set("separable", 1000, 96, 0.5, 0.5, 2.0),
    data_set("wide", 150, 1280, 0.3, 1.0, 0.05),
    data_set("large_numbers", 200, 40, 0.4, 30.0, 5.0),
    data_set("small_numbers", 600, 24, 0.5, 0.05, 0.004),
];

const fn data_set(
    name: &'static str,
    rows: usize,
    width: usize,
    share: f64,
    spread: f64,
    distance: f64,
) -> DataSet {
    DataSet {
        name,
        rows,
        width,
        share,
        spread,
        distance,
    }
}

impl DataSet {
    fn samples(&self) -> (Vec<f32>, Vec<bool>) {
        let named = |part: &str, count| uniform(&format!("{}.{part}", self.name), count);
        let mut labels = below(named("labels", self.rows), self.share);
        labels[..2].copy_from_slice(&[true, false]);
        let mean = named("mean", self.width);
        let features = named("features", self.rows * self.width);
        let features = features.iter().enumerate().map(|(at, x)| {
            let sign = if labels[at / self.width] { 1.0 } else { -1.0 };
            (x * self.spread + sign * mean[at % self.width] * self.distance) as f32
        });
        (features.collect(), labels)
    }
}

fn below(numbers: Vec<f64>, share: f64) -> Vec<bool> {
    let numbers = numbers.into_iter();
    numbers.map(|x| f64::midpoint(x, 1.0) < share).collect()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |most, x| if x > most || x.is_nan() { x } else { most })
}

#[test]
fn the_fit_is_scikit_learns() {
    let goldens = Goldens::open("logistic");
    for data in DATA_SETS {
        let name = data.name;
        let (features, labels) = data.samples();
        let samples = Samples::new(&features, &labels).unwrap();
        let fit = fit(&samples, &FitOptions::default()).unwrap();
        let steps = goldens.integers(&format!("{name}.iterations"));
        assert_eq!(vec![fit.iterations as i64], steps, "{name}");
        assert!(fit.converged, "{name}");
        let coefficients = goldens.doubles(&format!("{name}.coefficients"));
        let difference = largest_difference(fit.model.coefficients(), &coefficients);
        assert!(
            difference < 1e-9,
            "{name}: coefficients off by {difference:e}"
        );
        let intercept = goldens.doubles(&format!("{name}.intercept"));
        let difference = largest_difference(&[fit.model.intercept()], &intercept);
        assert!(difference < 1e-9, "{name}: intercept off by {difference:e}");
        let probabilities: Vec<f64> = samples
            .rows()
            .map(|row| fit.model.probability(row))
            .collect();
        let expected = goldens.doubles(&format!("{name}.probabilities"));
        let difference = largest_difference(&probabilities, &expected);
        assert!(
            difference < 1e-9,
            "{name}: probabilities off by {difference:e}"
        );
    }
}

#[test]
fn the_optimum_is_another_answer_where_liblinear_stops_early() {
    let (features, labels) = DATA_SETS[3].samples();
    let samples = Samples::new(&features, &labels).unwrap();
    let stopped = fit(&samples, &FitOptions::default()).unwrap().model;
    let options = FitOptions {
        tolerance: 1e-12,
        ..FitOptions::default()
    };
    let optimum = fit(&samples, &options).unwrap().model;
    let difference = largest_difference(stopped.coefficients(), optimum.coefficients());
    assert!(difference > 1e-4, "{difference:e}");
}

#[test]
fn a_fit_is_the_same_on_any_number_of_threads() {
    let (features, labels) = DATA_SETS[2].samples();
    let samples = Samples::new(&features, &labels).unwrap();
    let [one, three] = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(&samples, &FitOptions::default()).unwrap())
    });
    assert_eq!(one, three);
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let refused = |features: &[f32], labels: &[bool], options: FitOptions| {
        let samples = Samples::new(features, labels).unwrap();
        fit(&samples, &options).unwrap_err().to_string()
    };
    let usual = FitOptions::default();
    assert_eq!(
        refused(&[1.0, 2.0], &[true, true], usual),
        "all 2 rows are labelled true"
    );
    for c in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let options = FitOptions { c, ..usual };
        assert_eq!(
            refused(&[1.0, 2.0], &[true, false], options),
            format!("C is {c}, which must be positive and finite")
        );
    }
}

#[test]
fn the_largest_numbers_still_end() {
    let features = [f32::MAX, f32::MIN, f32::MAX, f32::MIN_POSITIVE, -1.0, 0.0];
    let samples = Samples::new(&features, &[true, false, true]).unwrap();
    if let Ok(fit) = fit(&samples, &FitOptions::default()) {
        assert!(fit.model.coefficients().iter().all(|c| c.is_finite()));
    }
    let samples = Samples::new(&[0.0; 8], &[true, false]).unwrap();
    let fit = fit(&samples, &FitOptions::default()).unwrap();
    assert_eq!(
        (fit.model.coefficients(), fit.iterations),
        ([0.0; 4].as_slice(), 0)
    );
    assert_eq!(fit.model.probability(&[1.0; 4]), 0.5);
}

#[test]
fn the_measures_are_scikit_learns() {
    let goldens = Goldens::open("logistic");
    for (name, rows, share) in [("even", 40, 0.5), ("rare", 60, 0.1), ("never", 30, 0.4)] {
        let labels = below(uniform(&format!("metrics.{name}.labels"), rows), share);
        let decisions = uniform(&format!("metrics.{name}.decisions"), rows);
        let decisions: Vec<f64> = decisions
            .into_iter()
            .zip(&labels)
            .map(|(x, &label)| match ((4.0 * x).round_ties_even(), name) {
                (x, "never") => -x.abs(),
                (x, _) => x + f64::from(label),
            })
            .collect();
        let metrics = Metrics::from_decisions(&labels, &decisions);
        let found = [
            metrics.macro_precision,
            metrics.macro_recall,
            metrics.macro_f1,
            metrics.accuracy,
            metrics.roc_auc.unwrap(),
        ];
        let expected = goldens.doubles(&format!("metrics.{name}"));
        assert!(
            largest_difference(&found, &expected) < 1e-12,
            "{name}: {found:?} for {expected:?}"
        );
    }
}

#[test]
fn the_split_is_scikit_learns_to_the_row() {
    let goldens = Goldens::open("logistic");
    for (name, rows, share) in [
        ("even", 100, 0.5),
        ("rare", 57, 0.1),
        ("least", 6, 0.5),
        ("lots", 35, 0.3),
    ] {
        let mut labels = below(uniform(&format!("split.{name}.labels"), rows), share);
        labels[..4].copy_from_slice(&[true, false, true, false]);
        for seed in [42, 0, u32::MAX] {
            let split = stratified_split(&labels, seed).unwrap();
            for (side, found) in [("train", &split.train), ("test", &split.test)] {
                let expected = goldens.indices(&format!("split.{name}.{seed}.{side}"));
                let found: Vec<usize> = found.iter().map(|&row| row as usize).collect();
                assert_eq!(found, expected, "{name} {seed} {side}");
            }
        }
    }
}

#[test]
fn too_few_rows_are_not_split() {
    let refused = |labels: &[bool]| stratified_split(labels, 42).unwrap_err().to_string();
    assert_eq!(
        refused(&[]),
        "only 0 rows are labelled false, and a class needs 2 at least"
    );
    assert_eq!(
        refused(&[false, false, true, false, false, false, false]),
        "only 1 rows are labelled true, and a class needs 2 at least"
    );
    assert_eq!(
        refused(&[false, false, true, true, true]),
        "5 rows, and there must be 6 at least"
    );
}

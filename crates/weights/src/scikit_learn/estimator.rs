//! From a finished pickle to a classifier: which attributes it must have, and what they may be.

use super::PickledClassifier;
use super::array::Array;
use super::dialect::{Estimators, Object};
use super::state::attributes;
use crate::pickle::{Pickle, Value, ValueOf};

/// The pickle's one estimator, if it answers as a logistic regression of two classes, true and false.
pub(super) fn classifier<'a>(
    pickle: &Pickle<'a, Estimators<'a>>,
) -> Result<PickledClassifier, String> {
    let Value::Object(Object::Estimator(estimator)) = pickle.root else {
        return Err(format!("not a classifier: it holds {}", pickle.root.kind()));
    };
    let state = pickle.dialect.estimators[estimator].ok_or("a classifier without attributes")?;
    let given = attributes(&pickle.containers[state])?;
    let of = |name: &str| -> Result<ValueOf<'a, Estimators<'a>>, String> {
        let missing = || format!("not fitted: it has no attribute '{name}'");
        given.get(name).copied().ok_or_else(missing)
    };
    // Older versions then make probabilities another way, by a softmax over two scores.
    if given.get("multi_class") == Some(&Value::Text("multinomial")) {
        return Err(
            "refused: multi_class is 'multinomial', whose probabilities are made otherwise"
                .to_owned(),
        );
    }
    let classes = array(pickle, "classes_", of("classes_")?)?;
    let classes = match classes.shape.as_slice() {
        [2] => classes.row().map_err(|why| format!("classes_: {why}"))?,
        shape => {
            return Err(format!(
                "refused: its classes are not two, but of shape {shape:?}"
            ));
        }
    };
    let &[no, yes] = classes.as_slice() else {
        return Err("refused: its classes are not two".to_owned());
    };
    if (no, yes) != (0.0, 1.0) {
        return Err(format!(
            "refused: its classes are not false and true, but {no} and {yes}"
        ));
    }
    let coefficients = array(pickle, "coef_", of("coef_")?)?;
    let coefficients = match coefficients.shape.as_slice() {
        [1, width] if *width > 0 => coefficients.row().map_err(|why| format!("coef_: {why}"))?,
        shape => return Err(format!("coef_ has shape {shape:?}, expected [1, width]")),
    };
    let intercept = match of("intercept_")? {
        // What `fit_intercept=False` leaves.
        Value::Float(intercept) => intercept,
        value => {
            let intercept = array(pickle, "intercept_", value)?;
            let one = match intercept.shape.as_slice() {
                [1] => intercept
                    .row()
                    .map_err(|why| format!("intercept_: {why}"))?,
                shape => return Err(format!("intercept_ has shape {shape:?}, expected [1]")),
            };
            one.first().copied().ok_or("an intercept of no number")?
        }
    };
    if let Some(bad) = coefficients
        .iter()
        .chain([&intercept])
        .find(|x| !x.is_finite())
    {
        return Err(format!("a coefficient that is {bad}"));
    }
    let scikit_learn = match given.get("_sklearn_version") {
        Some(Value::Text(version)) => Some(version.chars().take(40).collect()),
        _ => None,
    };
    Ok(PickledClassifier {
        coefficients,
        intercept,
        scikit_learn,
    })
}

/// The array that is the attribute `name`.
fn array<'p, 'a>(
    pickle: &'p Pickle<'a, Estimators<'a>>,
    name: &str,
    value: ValueOf<'a, Estimators<'a>>,
) -> Result<&'p Array<'a>, String> {
    match value {
        Value::Object(Object::Array(index)) => Ok(&pickle.dialect.arrays[index]),
        other => Err(format!("{name} is {}", other.kind())),
    }
}

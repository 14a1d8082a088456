//! One batch through a model. A panic fails the batch, and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use models::{EncodeError, ImageEncoder, Interrupt, Pixels};

use super::queue::Entry;
use crate::model::Model;
use crate::network::{Input, ModelError, ObjectDetector, Output};
use crate::panic_text;

/// Vectors of all of `batch`, in one pass. Returns how many.
pub(super) fn encode(model: Model, encoder: &dyn ImageEncoder, batch: Vec<Entry>) -> u64 {
    let mut pixels: Vec<&Pixels> = Vec::with_capacity(batch.len());
    for entry in &batch {
        if let Input::Pixels(it) = &entry.input {
            pixels.push(it);
        }
    }
    let abandoned = || batch.iter().all(Entry::is_abandoned);
    let vectors = guarded(&batch, || {
        let vectors = encoder.encode(&pixels, Interrupt::new(&abandoned));
        let vectors = vectors.map_err(|error: EncodeError| failed(model, error))?;
        if vectors.len() == batch.len() {
            return Ok(vectors);
        }
        let (found, expected) = (vectors.len(), batch.len());
        let reason = format!("it gave {found} vectors for {expected} images");
        Err(ModelError::Failed(model, reason))
    });
    match vectors {
        Ok(vectors) => {
            let count = vectors.len() as u64;
            for (entry, vector) in batch.into_iter().zip(vectors) {
                entry.answer(finite(model, vector));
            }
            count
        }
        Err(error) => {
            fail(batch, &error);
            0
        }
    }
}

/// What is in each image of `batch`: they differ in size, so one goes after the other. Returns how many were looked at.
pub(super) fn detect(model: Model, detector: &dyn ObjectDetector, batch: Vec<Entry>) -> u64 {
    let mut count = 0;
    for entry in batch {
        let found = guarded(std::slice::from_ref(&entry), || {
            let Input::Image(image) = &entry.input else {
                return Err(wrong_input(model));
            };
            let abandoned = || entry.is_abandoned();
            let found = detector.detect(image, Interrupt::new(&abandoned));
            found.map_err(|error| failed(model, error))
        });
        count += u64::from(found.is_ok());
        entry.answer(found.map(Output::Detections));
    }
    count
}

pub(super) fn fail(batch: impl IntoIterator<Item = Entry>, error: &ModelError) {
    for entry in batch {
        entry.answer(Err(error.clone()));
    }
}

pub(super) fn failed(model: Model, error: impl ToString) -> ModelError {
    ModelError::Failed(model, error.to_string())
}

/// A bug: the plan asked a model what it cannot be asked.
pub(super) fn wrong_input(model: Model) -> ModelError {
    failed(model, "it was given the input of another kind of model")
}

/// A panic is logged in the spans of `batch`.
pub(super) fn guarded<T>(
    batch: &[Entry],
    work: impl FnOnce() -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let cause = panic_text(&*panic);
        for entry in batch {
            let _entered = entry.span.enter();
            tracing::error!(cause, "a model panicked");
        }
        Err(ModelError::Panicked)
    })
}

/// JSON has no word for NaN and infinity, and nobody could search by such a vector.
fn finite(model: Model, vector: Vec<f32>) -> Result<Output, ModelError> {
    match vector.iter().find(|value| !value.is_finite()) {
        None => Ok(Output::Vector(vector)),
        Some(value) => Err(failed(
            model,
            format!("it gave a vector with {value} in it"),
        )),
    }
}

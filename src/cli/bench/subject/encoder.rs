use std::sync::Arc;

use models::{ImageEncoder, Interrupt};

use super::{Case, picture};

/// A forward pass of each batch.
pub(super) fn cases(
    name: &'static str,
    model: Box<dyn ImageEncoder>,
    gflop: f64,
    batches: &[usize],
) -> anyhow::Result<Vec<Case>> {
    let pixels = Arc::new(model.recipe().apply(&picture(64, 64)?)?);
    let model: Arc<dyn ImageEncoder> = model.into();
    let case = |&batch: &usize| {
        let (model, pixels) = (Arc::clone(&model), Arc::clone(&pixels));
        Case {
            model: name.into(),
            batch,
            gflop: Some(gflop * batch as f64),
            run: Box::new(move || {
                model.encode(&vec![&*pixels; batch], Interrupt::NEVER)?;
                Ok(())
            }),
        }
    };
    Ok(batches.iter().map(case).collect())
}

use std::rc::Rc;

use models::blip::{Blip, RECIPE};

use super::{Case, picture};

/// Tokens of the captions that are written, as many as `peers/operations.py` asks for.
const LENGTH: usize = 20;
const BEAMS: usize = 4;

/// A look at each batch, and captions that do not end before they have 20 tokens, the look included.
pub(super) fn cases(
    name: &'static str,
    model: Blip,
    batches: &[usize],
) -> anyhow::Result<Vec<Case>> {
    let pixels = Rc::new(RECIPE.apply(&picture(64, 64)?)?);
    let model = Rc::new(model);
    let mut cases = Vec::new();
    for &batch in batches {
        let (looking, images) = (Rc::clone(&model), Rc::clone(&pixels));
        cases.push(Case {
            model: format!("{name}: vision").into(),
            batch,
            gflop: Some(model.vision_gflop() * batch as f64),
            run: Box::new(move || {
                looking.look(&vec![&*images; batch])?;
                Ok(())
            }),
        });
        let (writing, images) = (Rc::clone(&model), Rc::clone(&pixels));
        cases.push(Case {
            model: format!("{name}: {LENGTH} tokens").into(),
            batch,
            gflop: None,
            run: Box::new(move || {
                writing.write_on(&vec![&*images; batch], BEAMS, LENGTH)?;
                Ok(())
            }),
        });
    }
    Ok(cases)
}

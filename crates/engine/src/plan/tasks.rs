//! Reading a task: which nodes its answer needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use models::{Recipe, blip};

use crate::classifiers::{Classifier, Unserved};
use crate::model::Encoder;
use crate::operations::{Kind, Operation};
use crate::params;
use crate::plan::build::Answer;
use crate::plan::outcome::Failure;
use crate::plan::{Crop, Describe, Detect, Embed, Prepare, Region};
use crate::target::Target;
use crate::task::{Params, Task};

/// The collections whose classifiers `tasks` ask.
pub(crate) fn collections(tasks: &[Task]) -> BTreeSet<u64> {
    let asks =
        |task: &&Task| Operation::find(&task.operation).is_some_and(|it| it.kind == Kind::Classify);
    let named = tasks.iter().filter(asks);
    named
        .filter_map(|task| params::collection_id(&task.params).ok())
        .collect()
}

/// Where the task's result comes from, or why there is none.
pub(super) fn answer(
    task: &Task,
    recipe: impl Fn(Encoder) -> Recipe,
    classifier: impl Fn(u64) -> Result<Arc<Classifier>, Unserved>,
) -> Result<Answer, Failure> {
    let Some(operation) = Operation::find(&task.operation) else {
        let name = params::shortened(&task.operation);
        return Err(format!("operation type '{name}' is not supported").into());
    };
    let named = params::target(&task.params, operation)?;
    let target = named.unwrap_or(operation.default_target);
    let embed = |encoder, region| Embed {
        encoder,
        pixels: Prepare {
            region,
            recipe: recipe(encoder),
        },
    };
    match operation.kind {
        Kind::Detect => {
            let node = detection(target, &task.params)?
                .ok_or_else(|| "there is no box to detect in a whole image".to_owned())?;
            Ok(match params::max_detections(&task.params)? {
                None => Answer::Box { node },
                Some(max_detections) => Answer::Boxes {
                    node,
                    max_detections,
                },
            })
        }
        Kind::Embed(encoder) => Ok(Answer::Vector {
            node: embed(encoder, region(target, &task.params)?),
            options: params::vector_options(&task.params)?,
        }),
        Kind::Classify => {
            let classifier = classifier(params::collection_id(&task.params)?)?;
            let target = named.map_or_else(|| classifier.region(), Ok)?;
            let region = region(target, &task.params)?;
            let encoders = classifier.encoders()?.into_iter();
            Ok(Answer::Class {
                nodes: encoders.map(|encoder| embed(encoder, region)).collect(),
                classifier,
            })
        }
        Kind::Describe => {
            let pixels = Prepare {
                region: region(target, &task.params)?,
                recipe: blip::RECIPE,
            };
            let options = params::caption_options(&task.params)?;
            Ok(Answer::Text {
                node: Describe { pixels, options },
            })
        }
    }
}

/// What is looked for to find `target`.
fn detection(target: Target, params: &Params) -> Result<Option<Detect>, String> {
    Ok(match target {
        Target::WholeImage => None,
        Target::ProminentPerson => Some(Detect::Person),
        Target::ProminentFace => Some(Detect::Face {
            context: params::face_context(params)?,
        }),
    })
}

fn region(target: Target, params: &Params) -> Result<Region, String> {
    let crop = detection(target, params)?.map(|best_of| Crop { best_of });
    Ok(crop.map_or(Region::WholeImage, Region::Crop))
}

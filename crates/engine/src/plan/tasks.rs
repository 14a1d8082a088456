//! Reading a task: which nodes its answer needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::classifiers::{Classifier, Unserved};
use crate::lineup::{Lineup, Role};
use crate::model::Model;
use crate::operations::{Kind, Operation};
use crate::params;
use crate::plan::build::Answer;
use crate::plan::failure::Failure;
use crate::plan::{Crop, Describe, Detect, Embed, Prepare, Region};
use crate::target::Target;
use crate::task::{Params, Task};

/// The collections whose classifiers `tasks` ask.
pub(crate) fn collections(tasks: &[Task]) -> BTreeSet<u64> {
    let asks = |task: &&Task| {
        let operation = Operation::find(&task.operation);
        task.refused.is_none() && operation.is_some_and(|it| it.kind == Kind::Classify)
    };
    let named = tasks.iter().filter(asks);
    named
        .filter_map(|task| params::collection_id(&task.params).ok())
        .collect()
}

/// Where the task's result comes from, or why there is none.
pub(super) fn answer(
    task: &Task,
    lineup: &Lineup,
    classifier: impl Fn(u64) -> Result<Arc<Classifier>, Unserved>,
) -> Result<Answer, Failure> {
    if let Some(reason) = &task.refused {
        return Err(reason.clone().into());
    }
    let Some(operation) = Operation::find(&task.operation) else {
        let name = params::shortened(&task.operation);
        return Err(format!("operation type '{name}' is not supported").into());
    };
    let named = params::target(&task.params, operation)?;
    let target = named.unwrap_or(operation.default_target);
    let embed = |role, region| {
        let model = lineup.model(role);
        let pixels = prepare(model, region)?;
        Ok::<_, Failure>(Embed { model, pixels })
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
        Kind::Embed(role) => Ok(Answer::Vector {
            node: embed(role, region(target, &task.params)?)?,
            options: params::vector_options(&task.params)?,
        }),
        Kind::Classify => {
            let classifier = classifier(params::collection_id(&task.params)?)?;
            let target = named.map_or_else(|| classifier.region(), Ok)?;
            let region = region(target, &task.params)?;
            let roles = classifier.roles()?.into_iter();
            let nodes = roles.map(|role| embed(role, region));
            Ok(Answer::Class {
                nodes: nodes.collect::<Result<_, _>>()?,
                classifier,
            })
        }
        Kind::Describe => {
            let model = lineup.model(Role::Captions);
            let pixels = prepare(model, region(target, &task.params)?)?;
            let options = params::caption_options(&task.params)?;
            Ok(Answer::Text {
                node: Describe {
                    model,
                    pixels,
                    options,
                },
            })
        }
    }
}

/// The region as `model` wants it.
fn prepare(model: Model, region: Region) -> Result<Prepare, Failure> {
    match model.recipe() {
        Some(recipe) => Ok(Prepare { region, recipe }),
        None => Err(Failure::Broken(format!("{model} takes no pixels"))),
    }
}

/// What is looked for to find `target`.
fn detection(target: Target, params: &Params) -> Result<Option<Detect>, String> {
    Ok(match target {
        Target::WholeImage => None,
        Target::ProminentPerson => Some(Detect::Person),
        Target::ProminentFace => Some(Detect::Face {
            context: params::face_context(params),
        }),
    })
}

fn region(target: Target, params: &Params) -> Result<Region, String> {
    let crop = detection(target, params)?.map(|best_of| Crop { best_of });
    Ok(crop.map_or(Region::WholeImage, Region::Crop))
}

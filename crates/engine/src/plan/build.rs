use std::num::NonZeroUsize;

use indexmap::IndexSet;
use models::Recipe;

use crate::embedding::VectorOptions;
use crate::model::Model;
use crate::operations::{Encoder, Kind, Operation};
use crate::params::{self, Target};
use crate::plan::{Crop, DetectFace, Embed, Prepare, Region};
use crate::task::Task;

/// The computations of one request, and how each task's answer is read off them.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) nodes: Nodes,
    /// One entry a task, in the client's order.
    pub(crate) answers: Vec<(String, Answer)>,
}

/// Every distinct computation, by kind; each needs only what stands above it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Nodes {
    pub(crate) faces: IndexSet<DetectFace>,
    pub(crate) crops: IndexSet<Crop>,
    /// Crops that some answer shows.
    pub(crate) pngs: IndexSet<Crop>,
    pub(crate) pixels: IndexSet<Prepare>,
    pub(crate) embeddings: IndexSet<Embed>,
}

/// Where a task's result comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The task cannot apply; the text says why.
    Skip(String),
    /// The best box of `node`, or a list of boxes if the client asked for `max_detections`.
    Boxes {
        node: DetectFace,
        max_detections: Option<NonZeroUsize>,
    },
    /// The vector of `node`, and the crop it was made from.
    Vector { node: Embed, options: VectorOptions },
}

impl Plan {
    /// Reads the tasks; `recipe` says how each encoder wants its pixels. Never fails: what cannot be done is that one
    /// task's [`Answer::Skip`].
    pub(crate) fn build(tasks: &[Task], recipe: impl Fn(Encoder) -> Recipe) -> Self {
        let mut nodes = Nodes::default();
        let answers = tasks
            .iter()
            .map(|task| {
                let answer = answer(task, &recipe).unwrap_or_else(Answer::Skip);
                nodes.add(&answer);
                (task.operation_id.clone(), answer)
            })
            .collect();
        Self { nodes, answers }
    }

    /// The models that must be in memory before the plan runs.
    pub(crate) fn models(&self) -> IndexSet<Model> {
        let faces = self.nodes.faces.iter().map(|_| Model::Mtcnn);
        let encoders = self.nodes.embeddings.iter();
        faces
            .chain(encoders.map(|node| node.encoder.model()))
            .collect()
    }
}

impl Nodes {
    /// What `answer` needs, and what that needs in turn.
    fn add(&mut self, answer: &Answer) {
        match answer {
            Answer::Skip(_) => {}
            Answer::Boxes { node, .. } => {
                self.faces.insert(*node);
            }
            Answer::Vector { node, .. } => {
                self.embeddings.insert(*node);
                self.pixels.insert(node.pixels);
                if let Region::Crop(crop) = node.pixels.region {
                    let Crop::ProminentFace(face) = crop;
                    self.faces.insert(face);
                    self.crops.insert(crop);
                    self.pngs.insert(crop);
                }
            }
        }
    }
}

fn answer(task: &Task, recipe: impl Fn(Encoder) -> Recipe) -> Result<Answer, String> {
    let Some(operation) = Operation::find(&task.operation) else {
        let name = params::shortened(&task.operation);
        return Err(format!("operation type '{name}' is not supported"));
    };
    let target = params::target(&task.params, operation)?;
    let face = || {
        let context = params::face_context(&task.params)?;
        Ok::<_, String>(DetectFace { context })
    };
    match operation.kind {
        Kind::Detect => Ok(Answer::Boxes {
            node: face()?,
            max_detections: params::max_detections(&task.params)?,
        }),
        Kind::Embed(encoder) => {
            let region = match target {
                Target::WholeImage => Region::WholeImage,
                Target::ProminentFace => Region::Crop(Crop::ProminentFace(face()?)),
            };
            let pixels = Prepare {
                region,
                recipe: recipe(encoder),
            };
            Ok(Answer::Vector {
                node: Embed { encoder, pixels },
                options: params::vector_options(&task.params)?,
            })
        }
    }
}

use std::num::NonZeroUsize;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use crate::classifiers::{Classifier, Unserved};
use crate::embedding::VectorOptions;
use crate::lineup::Lineup;
use crate::model::Model;
use crate::network::caption_units;
use crate::plan::failure::Failure;
use crate::plan::tasks::answer;
use crate::plan::{Describe, Detect, Embed, Region};
use crate::task::Task;

/// How each task of a request is answered, in the client's order.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) answers: Vec<(String, Answer)>,
}

/// Where a task's result comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// There is none, whatever the image.
    None(Failure),
    /// The best box of `node`.
    Box { node: Detect },
    /// The best few boxes of `node`.
    Boxes {
        node: Detect,
        max_detections: NonZeroUsize,
    },
    /// The vector of `node`, and the crop it was made from.
    Vector { node: Embed, options: VectorOptions },
    /// What `classifier` says of the vectors of `nodes`, which are of one region, one behind the other.
    Class {
        nodes: Vec<Embed>,
        classifier: Arc<Classifier>,
    },
    /// The text of `node`, and the crop it is about.
    Text { node: Describe },
}

/// What a model has to do for a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) inputs: u64,
    /// In the model's own unit: see [`Input::units`](crate::network::Input::units).
    pub(crate) units: u64,
}

impl Plan {
    /// Reads the tasks; `classifier` says which a collection has: it is asked for those of
    /// [`collections`](crate::plan::collections) only. Never fails: what cannot be done is that one task's [`Answer::None`].
    pub(crate) fn build(
        tasks: &[Task],
        lineup: &Lineup,
        classifier: impl Fn(u64) -> Result<Arc<Classifier>, Unserved>,
    ) -> Self {
        let answers = tasks.iter().map(|task| {
            let answer = answer(task, lineup, &classifier).unwrap_or_else(Answer::None);
            (task.operation_id.clone(), answer)
        });
        Self {
            answers: answers.collect(),
        }
    }

    /// The models that it needs, those first that others wait for, and what each has to do at most: equal nodes are done once.
    pub(crate) fn work(&self, lineup: &Lineup) -> IndexMap<Model, Work> {
        let (mut detections, mut vectors) = (IndexSet::new(), IndexSet::new());
        let mut texts = IndexSet::new();
        let mut regions = Vec::new();
        for (_, answer) in &self.answers {
            match answer {
                Answer::None(_) => {}
                Answer::Box { node } | Answer::Boxes { node, .. } => {
                    add_detection(*node, &mut detections);
                }
                Answer::Vector { node, .. } => vectors.extend([*node]),
                Answer::Class { nodes, .. } => vectors.extend(nodes.iter().copied()),
                Answer::Text { node } => texts.extend([node]),
            }
        }
        regions.extend(vectors.iter().map(|node| node.pixels.region));
        regions.extend(texts.iter().map(|node| node.pixels.region));
        for region in regions {
            if let Region::Crop(crop) = region {
                add_detection(crop.best_of, &mut detections);
            }
        }
        let mut work = IndexMap::new();
        let mut add = |model, units| {
            let of_model: &mut Work = work.entry(model).or_default();
            of_model.inputs += 1;
            of_model.units += units;
        };
        detections
            .iter()
            .for_each(|node| add(lineup.model(node.role()), 1));
        vectors.iter().for_each(|node| add(node.model, 1));
        texts
            .iter()
            .for_each(|node| add(node.model, caption_units(&node.options)));
        work
    }
}

/// A detection, after the one that says where it looks.
fn add_detection(node: Detect, detections: &mut IndexSet<Detect>) {
    if let Region::Crop(crop) = node.region() {
        add_detection(crop.best_of, detections);
    }
    detections.insert(node);
}

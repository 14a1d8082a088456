use std::num::NonZeroUsize;
use std::sync::Arc;

use indexmap::IndexSet;
use models::Recipe;

use crate::classifiers::{Classifier, Unserved};
use crate::embedding::VectorOptions;
use crate::model::{Encoder, Model};
use crate::plan::outcome::Failure;
use crate::plan::tasks::answer;
use crate::plan::{Crop, Describe, Detect, Embed, Prepare, Region};
use crate::task::Task;

/// The computations of one request, and how each task's answer is read off them.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) nodes: Nodes,
    /// One entry a task, in the client's order.
    pub(crate) answers: Vec<(String, Answer)>,
}

/// Every distinct computation, by kind, with all that it needs in turn.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Nodes {
    pub(crate) detections: IndexSet<Detect>,
    pub(crate) crops: IndexSet<Crop>,
    /// Crops that some answer shows.
    pub(crate) pngs: IndexSet<Crop>,
    pub(crate) pixels: IndexSet<Prepare>,
    pub(crate) embeddings: IndexSet<Embed>,
    pub(crate) descriptions: IndexSet<Describe>,
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

impl Plan {
    /// Reads the tasks; `recipe` says how each encoder wants its pixels, `classifier` which a collection has: it is asked for
    /// those of [`collections`](crate::plan::collections) only. Never fails: what cannot be done is that one task's [`Answer::None`].
    pub(crate) fn build(
        tasks: &[Task],
        recipe: impl Fn(Encoder) -> Recipe,
        classifier: impl Fn(u64) -> Result<Arc<Classifier>, Unserved>,
    ) -> Self {
        let answers = tasks.iter().map(|task| {
            let answer = answer(task, &recipe, &classifier).unwrap_or_else(Answer::None);
            (task.operation_id.clone(), answer)
        });
        Self::of(answers.collect())
    }

    /// The same plan once it is known that nobody is in the image. What was to be done with the person is done with the
    /// whole image, and shared with the tasks that ask for that.
    pub(crate) fn without_person(&self) -> Self {
        let answers = self.answers.iter();
        Self::of(
            answers
                .map(|(id, answer)| (id.clone(), answer.without_person()))
                .collect(),
        )
    }

    /// The models that must be in memory before the plan runs.
    pub(crate) fn models(&self) -> IndexSet<Model> {
        let detections = self.nodes.detections.iter();
        let encoders = self.nodes.embeddings.iter();
        let captioner = (!self.nodes.descriptions.is_empty()).then_some(Model::Blip);
        detections
            .map(|node| node.detector().model())
            .chain(encoders.map(|node| node.encoder.model()))
            .chain(captioner)
            .collect()
    }

    fn of(answers: Vec<(String, Answer)>) -> Self {
        let mut nodes = Nodes::default();
        for (_, answer) in &answers {
            nodes.add(answer);
        }
        Self { nodes, answers }
    }
}

impl Answer {
    fn without_person(&self) -> Self {
        let mut answer = self.clone();
        match &mut answer {
            Self::None(_) => {}
            Self::Box { node } | Self::Boxes { node, .. } => *node = node.without_person(),
            Self::Vector { node, .. } => node.pixels.region = node.pixels.region.without_person(),
            Self::Class { nodes, .. } => {
                for node in nodes {
                    node.pixels.region = node.pixels.region.without_person();
                }
            }
            Self::Text { node } => node.pixels.region = node.pixels.region.without_person(),
        }
        answer
    }
}

impl Nodes {
    /// What `answer` needs, and what that needs in turn.
    fn add(&mut self, answer: &Answer) {
        match answer {
            Answer::None(_) => {}
            Answer::Box { node } | Answer::Boxes { node, .. } => self.add_detection(*node),
            Answer::Vector { node, .. } => self.add_embedding(*node),
            Answer::Class { nodes, .. } => {
                for node in nodes {
                    self.add_embedding(*node);
                }
            }
            Answer::Text { node } => {
                self.descriptions.insert(node.clone());
                self.add_shown(node.pixels);
            }
        }
    }

    fn add_embedding(&mut self, node: Embed) {
        self.embeddings.insert(node);
        self.add_shown(node.pixels);
    }

    /// Pixels of a region that the answer shows.
    fn add_shown(&mut self, node: Prepare) {
        self.pixels.insert(node);
        if let Region::Crop(crop) = node.region {
            self.add_crop(crop);
            self.pngs.insert(crop);
        }
    }

    fn add_detection(&mut self, node: Detect) {
        if let Region::Crop(crop) = node.region() {
            self.add_crop(crop);
        }
        self.detections.insert(node);
    }

    fn add_crop(&mut self, crop: Crop) {
        self.add_detection(crop.best_of);
        self.crops.insert(crop);
    }
}

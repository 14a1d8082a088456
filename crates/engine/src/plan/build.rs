use std::num::NonZeroUsize;

use indexmap::IndexSet;

use crate::operations::Operation;
use crate::params::{self, Target};
use crate::plan::Node;
use crate::registry::Model;
use crate::task::Task;

/// The computations of one request, and how each task's answer is read off them.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// Every distinct computation.
    pub(crate) nodes: IndexSet<Node>,
    /// One entry a task, in the client's order.
    pub(crate) answers: Vec<(String, Answer)>,
}

/// Where a task's result comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The task cannot apply; the text says why.
    Skip(String),
    /// The best box of `node`, or a list of boxes if the client asked for `max_detections`.
    Boxes {
        node: Node,
        max_detections: Option<NonZeroUsize>,
    },
}

impl Plan {
    /// Reads the tasks. Never fails: what cannot be done is that one task's [`Answer::Skip`].
    pub(crate) fn build(tasks: &[Task]) -> Self {
        let mut nodes = IndexSet::new();
        let answers = tasks
            .iter()
            .map(|task| {
                let answer = answer(task).unwrap_or_else(Answer::Skip);
                if let Answer::Boxes { node, .. } = answer {
                    nodes.insert(node);
                }
                (task.operation_id.clone(), answer)
            })
            .collect();
        Self { nodes, answers }
    }

    /// The models that must be in memory before the plan runs.
    pub(crate) fn models(&self) -> IndexSet<Model> {
        self.nodes.iter().map(|node| node.model()).collect()
    }
}

fn answer(task: &Task) -> Result<Answer, String> {
    let Some(operation) = Operation::find(&task.operation) else {
        let name = params::shortened(&task.operation);
        return Err(format!("operation type '{name}' is not supported"));
    };
    let node = match params::target(&task.params, operation)? {
        Target::ProminentFace => Node::DetectFace {
            context: params::face_context(&task.params)?,
        },
    };
    Ok(Answer::Boxes {
        node,
        max_detections: params::max_detections(&task.params)?,
    })
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use imaging::RgbImage;
use indexmap::IndexMap;

use crate::panic_text;
use crate::plan::build::{Answer, Plan};
use crate::plan::{Node, Region};
use crate::result::{Data, Detection, OperationResult};
use crate::timings::Timings;

/// The models a plan runs on. An error is the text that the tasks waiting for it will carry.
pub(crate) trait Detectors {
    /// All faces, best first.
    fn faces(&self, image: &RgbImage) -> Result<Vec<Detection>, String>;
}

/// What a node gave.
type Output = Result<Vec<Detection>, String>;

/// Computes every node once, then reads each task's result off the outputs.
///
/// A node that fails, or panics, costs only the tasks that need it.
pub(crate) fn run(
    plan: &Plan,
    image: &RgbImage,
    detectors: &impl Detectors,
    timings: &mut Timings,
) -> IndexMap<String, OperationResult> {
    let outputs: IndexMap<Node, Output> = plan
        .nodes
        .iter()
        .map(|&node| (node, compute(node, image, detectors, timings)))
        .collect();
    plan.answers
        .iter()
        .map(|(operation_id, answer)| (operation_id.clone(), result(answer, &outputs)))
        .collect()
}

fn compute(
    node: Node,
    image: &RgbImage,
    detectors: &impl Detectors,
    timings: &mut Timings,
) -> Output {
    let (stage, work) = match node {
        Node::DetectFace {
            context: Region::WholeImage,
        } => ("detection", || detectors.faces(image)),
    };
    timings.measure(stage, || {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            let cause = panic_text(&*panic);
            tracing::error!(?node, cause, "a computation panicked");
            Err("internal error; the server's log has the cause".to_owned())
        })
    })
}

fn result(answer: &Answer, outputs: &IndexMap<Node, Output>) -> OperationResult {
    let (node, max_detections) = match answer {
        Answer::Skip(reason) => return OperationResult::skipped(reason),
        Answer::Boxes {
            node,
            max_detections,
        } => (node, max_detections),
    };
    match &outputs[node] {
        Err(reason) => OperationResult::error(reason),
        Ok(found) => OperationResult::success(match max_detections {
            Some(limit) => Some(Data::Detections(
                found.iter().take(limit.get()).cloned().collect(),
            )),
            None => found.first().map(|best| Data::Bbox(truncate(best.bbox))),
        }),
    }
}

/// Towards zero, as Python's `int()` does.
fn truncate(bbox: [f32; 4]) -> [i32; 4] {
    bbox.map(|side| side as i32)
}

//! Reading a task's result off the nodes.

use std::time::Instant;

use futures_util::future::{join, join_all};

use crate::classifiers::Classifier;
use crate::plan::build::Answer;
use crate::plan::execution::Execution;
use crate::plan::failure::{Failure, Outcome};
use crate::plan::{Describe, Embed, Prepare};
use crate::result::{Data, OperationResult};
use crate::timings::Stage;

impl Execution<'_> {
    /// The result of the task called `operation_id`.
    pub(super) async fn result(&self, operation_id: &str, answer: &Answer) -> OperationResult {
        let outcome = match answer {
            Answer::None(failure) => Err(failure.clone()),
            Answer::Box { node } => self.found(*node).await.map(|found| {
                let bbox = found.prominent.map(Data::Bbox);
                OperationResult::success(bbox)
            }),
            Answer::Boxes {
                node,
                max_detections,
            } => self.found(*node).await.map(|found| {
                let most = found.detections.iter().take(max_detections.get());
                OperationResult::success(Some(Data::Detections(most.cloned().collect())))
            }),
            Answer::Vector { node, options } => {
                let region = self.settled(node.pixels.region).await;
                let node = node.about(region);
                let vector =
                    async { Ok(Data::Embedding(options.apply(&self.vector(node).await?))) };
                self.about(node.pixels, vector).await
            }
            Answer::Class { nodes, classifier } => self.class(nodes, classifier).await,
            Answer::Text { node } => {
                let region = self.settled(node.pixels.region).await;
                let node = node.about(region);
                let pixels = node.pixels;
                let text = async { Ok(Data::Text(self.text(node).await?.to_string())) };
                self.about(pixels, text).await
            }
        };
        outcome.unwrap_or_else(|failure| failure.result(operation_id))
    }

    /// An answer about `pixels`, with the crop that they are of.
    async fn about(
        &self,
        pixels: Prepare,
        data: impl Future<Output = Outcome<Data>>,
    ) -> Outcome<OperationResult> {
        let (data, crop) = join(data, self.shown(pixels.region)).await;
        let result = OperationResult::success(Some(data?));
        match crop {
            Ok(crop) => Ok(OperationResult { crop, ..result }),
            // The answer itself is there.
            Err(Failure::Broken(reason)) => Ok(OperationResult {
                error_message: Some(reason),
                ..result
            }),
            Err(failure) => Err(failure),
        }
    }

    async fn class(&self, nodes: &[Embed], classifier: &Classifier) -> Outcome<OperationResult> {
        let Some(first) = nodes.first() else {
            return Ok(OperationResult::success(None));
        };
        let region = self.settled(first.pixels.region).await;
        let judge = async {
            let vectors = nodes.iter().map(|node| self.vector(node.about(region)));
            let vectors = join_all(vectors).await.into_iter();
            let vectors = vectors.collect::<Outcome<Vec<_>>>()?;
            let began = Instant::now();
            let judgement = classifier.judge(&vectors.concat())?;
            self.book(Stage::Classify, began.elapsed());
            Ok(Data::Classification(judgement))
        };
        self.about(first.about(region).pixels, judge).await
    }
}

impl Embed {
    /// The same of another region.
    fn about(self, region: crate::plan::Region) -> Self {
        let pixels = Prepare {
            region,
            ..self.pixels
        };
        Self { pixels, ..self }
    }
}

impl Describe {
    /// The same of another region.
    fn about(&self, region: crate::plan::Region) -> Self {
        let pixels = Prepare {
            region,
            ..self.pixels
        };
        Self {
            pixels,
            ..self.clone()
        }
    }
}

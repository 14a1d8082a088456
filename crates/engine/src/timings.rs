use std::time::Duration;

use crate::model::Model;

/// A part of the work for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the request.
    Receive,
    /// Fetching the image.
    Download,
    /// Waiting in the queues of models. The time until a model is in memory is not in it.
    Queue,
    /// From the encoded image to pixels.
    Decode,
    /// Cutting regions out.
    Crop,
    /// Resizing and normalising regions.
    Prepare,
    /// Encoding crops.
    Png,
    /// Asking classifiers.
    Classify,
    /// A model at work, together with what else was in the batch; where it stood aside, that included.
    Model(Model),
}

impl Stage {
    /// Its name in logs and in `Server-Timing`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Download => "download",
            Self::Queue => "queue",
            Self::Decode => "decode",
            Self::Crop => "crop",
            Self::Prepare => "prepare",
            Self::Png => "png",
            Self::Classify => "classify",
            Self::Model(model) => model.name(),
        }
    }
}

/// How long each stage of a request took. Stages that do not need each other overlap, so that their sum may be more than the
/// request took; a stage that another request has done for this one too is not here.
#[derive(Clone, Debug, Default)]
pub struct Timings(Vec<(Stage, Duration)>);

impl Timings {
    /// Books `duration` under `stage`; a stage that comes twice is summed.
    pub fn add(&mut self, stage: Stage, duration: Duration) {
        match self.0.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, total)) => *total += duration,
            None => self.0.push((stage, duration)),
        }
    }

    /// Books every stage of `later` after those already here.
    pub fn extend(&mut self, later: &Timings) {
        for (stage, duration) in later.iter() {
            self.add(stage, duration);
        }
    }

    /// The stages and their durations.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        self.0.iter().copied()
    }
}

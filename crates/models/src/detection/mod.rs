//! What detectors share: boxes, and which of those that overlap stay.

pub(crate) mod boxes;
mod neighbours;
pub(crate) mod nms;

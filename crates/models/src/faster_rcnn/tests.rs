//! Against torchvision's own classes (`parity/cases/faster_rcnn.py`, `faster_rcnn_boxes.py`).

mod boxes;
mod network;
mod sizes;
mod transform;
mod weights;

//! The HTTP API in this process, without a socket.

mod api;
mod classifiers;
mod classify;
mod deadlines;
mod form;
mod hostile;
mod json;
mod keys;
mod metrics;
mod orientation;
mod real_face;
mod seeded;
mod service;
mod support;
#[path = "../tiny_blip/mod.rs"]
mod tiny_blip;

//! What one request computes: [`Plan::build`] turns tasks into deduplicated nodes (pure), [`run()`] computes them.
//!
//! A node's key is what it computes, so two tasks that need the same thing share it, and no result can depend on the
//! order of the tasks.

mod answer;
mod build;
mod node;
mod outcome;
mod regions;
mod run;
mod tasks;

pub(crate) use build::Plan;
pub(crate) use node::{Crop, Describe, Detect, Embed, Prepare, Region};
pub(crate) use run::{Models, run};
pub(crate) use tasks::collections;

#[cfg(test)]
mod tests;

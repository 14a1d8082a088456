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

pub(crate) use build::Plan;
pub(crate) use node::{Crop, Describe, Detect, Embed, Prepare, Region};
pub(crate) use run::{Models, run};

#[cfg(test)]
mod tests;

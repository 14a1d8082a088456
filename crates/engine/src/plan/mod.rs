//! What one request computes: [`Plan::build`] turns tasks into keys of nodes (pure), [`Execution`] computes each node once.
//!
//! A node's key is what it computes, so two tasks that need the same thing share it, and no result can depend on the
//! order of the tasks.

mod answer;
mod build;
mod execution;
mod failure;
mod node;
mod regions;
mod tasks;

pub(crate) use build::{Plan, Work};
pub(crate) use execution::{Execution, Machine};
pub(crate) use failure::{Failure, Outcome};
pub(crate) use node::{Crop, Describe, Detect, Embed, Prepare, Region};
pub(crate) use tasks::collections;

#[cfg(test)]
mod tests;

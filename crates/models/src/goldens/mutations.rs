//! Proof that the goldens hold every weight: without one tensor, or with it zeroed or its elements moved by one place, a
//! network does not load, or gives answers that the comparisons with upstream refuse.

use std::cell::RefCell;
use std::collections::HashMap;

use weights::Checkpoint;

use super::formula::{Tensors, checkpoint};
use crate::LoadError;

type Mutation = fn(&mut [f32]);

/// A network and its plain weights.
pub(crate) struct Network<'a> {
    pub(crate) name: &'a str,
    pub(crate) tensors: Tensors,
    /// The values of a tensor of this name and shape.
    pub(crate) weights: &'a dyn Fn(&str, &[usize]) -> Vec<f32>,
    /// What the network of a file answers to the input of its golden.
    pub(crate) answers: &'a dyn Fn(&Checkpoint) -> anyhow::Result<Vec<f32>>,
    /// Whether the comparisons would take the first answers for the second.
    pub(crate) within_tolerance: &'a dyn Fn(&[f32], &[f32]) -> bool,
}

impl Network<'_> {
    /// Each tensor is needed, and an error names the one that is missing.
    pub(crate) fn assert_refused_without_any_tensor(&self) {
        for i in 0..self.tensors.len() {
            let mut rest = self.tensors.clone();
            let (missing, _) = rest.remove(i);
            let file = checkpoint(self.name, &rest, self.weights);
            let error = (self.answers)(&file).unwrap_err();
            let refused = matches!(error.downcast_ref(), Some(LoadError::Checkpoint(_)));
            assert!(refused, "{error}");
            let named = error.to_string().contains(&format!("'{missing}'"));
            assert!(named, "{missing}: {error}");
        }
    }

    /// Each tensor moves the answers, and so does the place of its elements.
    pub(crate) fn assert_moved_by_every_tensor(&self) -> anyhow::Result<()> {
        self.assert_moved_by_every_tensor_but(|_| false)
    }

    /// The same but for those tensors that cannot move anything.
    pub(crate) fn assert_moved_by_every_tensor_but(
        &self,
        is_still: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        let mutations: [(&str, Mutation); 2] = [
            ("zeroed", |values| values.fill(0.0)),
            ("rotated", |values| values.rotate_right(1)),
        ];
        let drawn = RefCell::new(HashMap::new());
        let values = |tensor: &str, shape: &[usize]| -> Vec<f32> {
            let mut drawn = drawn.borrow_mut();
            let values = drawn.entry(tensor.to_owned());
            values
                .or_insert_with(|| (self.weights)(tensor, shape))
                .clone()
        };
        let plain = (self.answers)(&checkpoint(self.name, &self.tensors, values))?;
        for (changed, _) in self.tensors.iter().filter(|(name, _)| !is_still(name)) {
            for (mutation, mutate) in mutations {
                let file = checkpoint(self.name, &self.tensors, |tensor, shape| {
                    let mut values = values(tensor, shape);
                    if tensor == changed {
                        mutate(&mut values);
                    }
                    values
                });
                let moved = !(self.within_tolerance)(&(self.answers)(&file)?, &plain);
                assert!(moved, "{}.{changed} {mutation} is not noticed", self.name);
            }
        }
        Ok(())
    }
}

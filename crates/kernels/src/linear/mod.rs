//! Linear layers: a matrix product with packed weights, and what follows it.

#![expect(unsafe_code, reason = "an output that is written in parallel")]

mod blocks;
mod finish;
pub(crate) mod packing;

use std::mem::MaybeUninit;

use crate::buffer::written;
use crate::destination::Destination;
use crate::rows::part;
use crate::words::Layout;
use crate::{Activation, Isa, Precision};
use packing::{PackedInput, PackedWeights};

/// What a linear layer is made of, in PyTorch's order.
#[derive(Clone, Copy, Debug)]
pub struct LinearWeights<'a> {
    /// Numbers in a row of the input, at least 1.
    pub inputs: usize,
    /// Numbers in a row of the output, at least 1.
    pub outputs: usize,
    /// `[outputs, inputs]`.
    pub weight: &'a [f32],
    /// `[outputs]`.
    pub bias: Option<&'a [f32]>,
}

/// `activation(input · weightᵀ + bias)`, plus a residual if there is one.
///
/// The weights lie in panels of columns, cut along the depth into chunks that stay in a near cache; the rows of an
/// input are packed the same way for each call. A tile of rows by one panel keeps its sums in registers.
#[derive(Clone, Debug)]
pub struct Linear {
    isa: Isa,
    precision: Precision,
    layout: Layout,
    weights: PackedWeights,
    bias: Vec<f32>, // padded to whole panels
    activation: Option<Activation>,
}

impl Linear {
    /// Packs the weights for `isa`. Sums are `f32` whatever the precision of the products.
    ///
    /// # Panics
    /// When a size is 0 or a slice does not have the length that the sizes ask for.
    #[must_use]
    pub fn new(
        isa: Isa,
        precision: Precision,
        weights: &LinearWeights<'_>,
        activation: Option<Activation>,
    ) -> Self {
        let LinearWeights {
            inputs,
            outputs,
            weight,
            bias,
        } = *weights;
        assert!(inputs > 0 && outputs > 0, "a linear layer of nothing");
        assert_eq!(weight.len(), outputs * inputs, "weight length");
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "bias length");
        let layout = Layout::new(isa, precision);
        let mut padded_bias = bias.unwrap_or_default().to_vec();
        padded_bias.resize(outputs.next_multiple_of(layout.nr), 0.0);
        Self {
            isa,
            precision,
            layout,
            weights: PackedWeights::new(layout, weights),
            bias: padded_bias,
            activation,
        }
    }

    /// Numbers in a row of the input.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.inputs
    }

    /// Numbers in a row of the output.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.weights.outputs
    }

    /// Computes `[rows, outputs]` from `input`, `[rows, inputs]`, and adds `residual`, `[rows, outputs]`.
    ///
    /// Splits the work over the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// When `input` is not whole rows, or `residual` not as many.
    #[must_use]
    pub fn forward(&self, input: &[f32], residual: Option<&[f32]>) -> Vec<f32> {
        let inputs = self.inputs();
        assert!(
            input.len().is_multiple_of(inputs),
            "{} numbers are not whole rows of {inputs}",
            input.len()
        );
        let rows = input.len() / inputs;
        assert!(
            residual.is_none_or(|residual| residual.len() == rows * self.outputs()),
            "residual length"
        );
        let outputs = self.outputs();
        let slabs = rows.div_ceil(packing::slab_rows(self));
        let write = |to: &mut [MaybeUninit<f32>]| {
            let to = Destination::of(to, outputs);
            for rows in (0..slabs).map(|slab| part(slab, slabs, rows)) {
                let input = &input[rows.start * inputs..rows.end * inputs];
                let residual = residual.map(|it| &it[rows.start * outputs..rows.end * outputs]);
                let to = to.from(rows.start * outputs);
                PackedInput::with(self, input, |input| blocks::run(self, input, residual, to));
            }
        };
        // SAFETY: the slabs cover every row, and of each all outputs are written.
        unsafe { written(rows * outputs, write) }
    }
}

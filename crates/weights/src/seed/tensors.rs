//! The tensors of a checkpoint and the range of each one's numbers.

/// A tensor of f32: element `i` is uniform within `spread` of `centre`, and the first have `leads` besides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) centre: f64,
    pub(super) spread: f64,
    /// Added to the first elements, in their order.
    pub(super) leads: Vec<f64>,
}

impl Tensor {
    pub(super) fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// The element at `index`, for a `uniform` number of [-1, 1).
    pub(super) fn at(&self, index: u64, uniform: f64) -> f32 {
        // Not fused: each operation is rounded on its own, everywhere alike.
        let lead = self.leads.get(index as usize).unwrap_or(&0.0);
        (self.centre + lead + self.spread * uniform) as f32
    }
}

/// The tensors of a checkpoint, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tensors(pub(super) Vec<Tensor>);

/// Of biases of linear layers and norms: enough to be seen behind a dozen layers.
const BIAS: f64 = 0.5;

impl Tensors {
    pub(super) fn add(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        centre: f64,
        spread: f64,
    ) {
        self.0.push(Tensor {
            name: name.into(),
            shape: shape.to_owned(),
            centre,
            spread,
            leads: Vec::new(),
        });
    }

    /// A matrix or a kernel that sums `fan_in` products. With gain 1, inputs of variance 1 give
    /// outputs of variance 1: a uniform number of [-s, s) has the variance s²/3.
    pub(super) fn weight(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        fan_in: usize,
        gain: f64,
    ) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a layer's width is far below 2^53"
        )]
        let spread = gain * (3.0 / fan_in as f64).sqrt();
        self.add(name, shape, 0.0, spread);
    }

    /// The same with a mean below zero: what comes out is lower by `lean` times the gain and the mean of what goes in.
    /// Where that is the output of a ReLU, which is never negative, outputs are above zero only where they answer to
    /// something of their own; else what all places have in common would drown their differences after a few layers.
    pub(super) fn leaning_weight(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        fan_in: usize,
        gain: f64,
        lean: f64,
    ) {
        self.weight(name, shape, fan_in, gain);
        if let Some(weight) = self.0.last_mut() {
            weight.centre = -lean * gain / fan_in as f64;
        }
    }

    /// The last tensor's first elements are higher by `leads`.
    pub(super) fn lead(&mut self, leads: &[f64]) {
        if let Some(tensor) = self.0.last_mut() {
            tensor.leads = leads.to_vec();
        }
    }

    /// `weight` and `bias` of a linear layer: `[outputs, inputs]` and `[outputs]`.
    pub(super) fn linear(&mut self, layer: &str, outputs: usize, inputs: usize, gain: f64) {
        self.weight(format!("{layer}.weight"), &[outputs, inputs], inputs, gain);
        self.add(format!("{layer}.bias"), &[outputs], 0.0, BIAS);
    }

    /// `weight` and `bias` of a layer norm.
    pub(super) fn norm(&mut self, layer: &str, width: usize) {
        self.add(format!("{layer}.weight"), &[width], 1.0, 0.5);
        self.add(format!("{layer}.bias"), &[width], 0.0, BIAS);
    }
}

use super::Conv2dWeights;
use crate::Isa;
use crate::isa::Kind;

/// How many vectors of output channels one panel holds. The last panel holds one if their number is odd.
pub(super) const PANEL: usize = 2;

/// Weights in the order in which the tiles read them: panel by panel, and in each for every kernel row, kernel column
/// and input channel the panel's output channels side by side. Channels are padded with zeros to whole vectors.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) slope: Option<Vec<f32>>,
}

impl Packed {
    pub(super) fn new(isa: Isa, weights: &Conv2dWeights<'_>) -> Self {
        let Conv2dWeights {
            out_channels,
            in_channels,
            kernel: (rows, columns),
            ..
        } = *weights;
        assert!(
            out_channels * in_channels * rows * columns > 0,
            "a convolution of nothing"
        );
        let taps = in_channels * rows * columns;
        assert_eq!(weights.weight.len(), out_channels * taps, "weight length");
        assert_eq!(weights.bias.len(), out_channels, "bias length");

        let lanes = lanes(isa);
        let vectors = out_channels.div_ceil(lanes);
        let mut weight = Vec::with_capacity(vectors * lanes * taps);
        for first in (0..vectors).step_by(PANEL) {
            let channels = first * lanes..(first + PANEL).min(vectors) * lanes;
            for row in 0..rows {
                for column in 0..columns {
                    for input in 0..in_channels {
                        weight.extend(channels.clone().map(|output| {
                            let at =
                                ((output * in_channels + input) * rows + row) * columns + column;
                            if output < out_channels {
                                weights.weight[at]
                            } else {
                                0.0
                            }
                        }));
                    }
                }
            }
        }
        let padded = |values: &[f32]| {
            let mut padded = values.to_vec();
            padded.resize(vectors * lanes, 0.0);
            padded
        };
        let slope = weights.slope.map(|slope| {
            assert_eq!(slope.len(), out_channels, "slope length");
            padded(slope)
        });
        Self {
            weight,
            bias: padded(weights.bias),
            slope,
        }
    }

    pub(super) fn padded_channels(&self) -> usize {
        self.bias.len()
    }
}

fn lanes(isa: Isa) -> usize {
    match isa.kind() {
        Kind::Portable => 8,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 => 8,
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 | Kind::Avx512Bf16 => 16,
    }
}

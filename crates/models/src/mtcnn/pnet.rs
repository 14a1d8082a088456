use weights::Scope;

use crate::layers::{Conv2d, Conv2dBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// The proposal network: fully convolutional, one answer for every other pixel, each for a field of 12×12.
#[derive(Debug)]
pub(super) struct PNet {
    conv1: Conv2d, // with prelu1, pool1
    conv2: Conv2d, // with prelu2
    conv3: Conv2d, // with prelu3
    conv4: Conv2d, // conv4_1 and conv4_2
}

impl PNet {
    pub(super) fn load(scope: &Scope<'_>, placement: &Placement) -> Result<Self, LoadError> {
        let conv = |i, inputs, outputs| {
            Conv2dBuilder::load(&scope.pp(format_args!("conv{i}")), inputs, outputs, 3)?
                .prelu(&scope.pp(format_args!("prelu{i}")))
        };
        let class = Conv2dBuilder::load(&scope.pp("conv4_1"), 32, 2, 1)?;
        let offsets = Conv2dBuilder::load(&scope.pp("conv4_2"), 32, 4, 1)?;
        Ok(Self {
            conv1: conv(1, 3, 10)?.max_pool(2).for_pieces_on(placement),
            conv2: conv(2, 10, 16)?.for_pieces_on(placement),
            conv3: conv(3, 16, 32)?.for_pieces_on(placement),
            conv4: class.beside(offsets).for_pieces_on(placement),
        })
    }

    /// `[1, height, width, 3]` to `[1, height', width', 6]`: logits of no face and of a face, four offsets.
    pub(super) fn forward(&self, image: &Tensor) -> Tensor {
        let x = self.conv1.forward(image); // [1, (height - 2) / 2 rounded up, …, 10]
        let x = self.conv2.forward(&x);
        let x = self.conv3.forward(&x);
        self.conv4.forward(&x)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::PNet;
    use crate::mtcnn::goldens::{Goldens, f32_placement, formula_checkpoint, formula_input};

    /// Upstream's names and shapes.
    pub(in crate::mtcnn) const TENSORS: &[(&str, &[usize])] = &[
        ("conv1.weight", &[10, 3, 3, 3]),
        ("conv1.bias", &[10]),
        ("prelu1.weight", &[10]),
        ("conv2.weight", &[16, 10, 3, 3]),
        ("conv2.bias", &[16]),
        ("prelu2.weight", &[16]),
        ("conv3.weight", &[32, 16, 3, 3]),
        ("conv3.bias", &[32]),
        ("prelu3.weight", &[32]),
        ("conv4_1.weight", &[2, 32, 1, 1]),
        ("conv4_1.bias", &[2]),
        ("conv4_2.weight", &[4, 32, 1, 1]),
        ("conv4_2.bias", &[4]),
    ];

    #[test]
    fn pnet_answers_as_upstream() -> anyhow::Result<()> {
        let goldens = Goldens::open("mtcnn_networks");
        let checkpoint = formula_checkpoint("pnet", TENSORS);
        let pnet = PNet::load(&checkpoint.root(), &f32_placement())?;
        checkpoint.finish()?;
        for (height, width) in [(12, 12), (13, 17), (31, 23)] {
            let case = format!("pnet.{height}x{width}");
            let input = formula_input(&case, (1, height, width));
            let x = pnet.conv1.forward(&input);
            goldens.assert_tap(&format!("{case}.pool1"), &x);
            let x = pnet.conv2.forward(&x);
            goldens.assert_tap(&format!("{case}.prelu2"), &x);
            let x = pnet.conv3.forward(&x);
            goldens.assert_tap(&format!("{case}.prelu3"), &x);
            goldens.assert_outputs(&case, &pnet.forward(&input));
        }
        Ok(())
    }
}

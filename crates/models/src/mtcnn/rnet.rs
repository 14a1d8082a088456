use weights::Scope;

use crate::layers::{Conv2d, Conv2dBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// The refinement network: one answer for each crop of 24×24.
#[derive(Debug)]
pub(super) struct RNet {
    conv1: Conv2d,  // with prelu1, pool1
    conv2: Conv2d,  // with prelu2, pool2
    conv3: Conv2d,  // with prelu3
    dense4: Conv2d, // with prelu4
    dense5: Conv2d, // dense5_1 and dense5_2
}

impl RNet {
    pub(super) fn load(scope: &Scope<'_>, placement: &Placement) -> Result<Self, LoadError> {
        let conv = |i, inputs, outputs, kernel| {
            Conv2dBuilder::load(&scope.pp(format_args!("conv{i}")), inputs, outputs, kernel)?
                .prelu(&scope.pp(format_args!("prelu{i}")))
        };
        let dense4 = Conv2dBuilder::load_dense_over_map(&scope.pp("dense4"), 64, 3, 128)?;
        let class = Conv2dBuilder::load_dense(&scope.pp("dense5_1"), 128, 2)?;
        let offsets = Conv2dBuilder::load_dense(&scope.pp("dense5_2"), 128, 4)?;
        Ok(Self {
            conv1: conv(1, 3, 28, 3)?.max_pool(3).for_pieces_on(placement),
            conv2: conv(2, 28, 48, 3)?.max_pool(3).for_pieces_on(placement),
            conv3: conv(3, 48, 64, 2)?.for_pieces_on(placement),
            dense4: dense4.prelu(&scope.pp("prelu4"))?.for_pieces_on(placement),
            dense5: class.beside(offsets).for_pieces_on(placement),
        })
    }

    /// `[batch, 24, 24, 3]` to `[batch, 1, 1, 6]`: logits of no face and of a face, four offsets.
    pub(super) fn forward(&self, crops: &Tensor) -> Tensor {
        let x = self.conv1.forward(crops); // [batch, 11, 11, 28]
        let x = self.conv2.forward(&x); // [batch, 4, 4, 48]
        let x = self.conv3.forward(&x); // [batch, 3, 3, 64]
        let x = self.dense4.forward(&x); // [batch, 1, 1, 128]
        self.dense5.forward(&x)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::RNet;
    use crate::mtcnn::goldens::{Goldens, f32_placement, formula_checkpoint, formula_input};

    /// Upstream's names and shapes.
    pub(in crate::mtcnn) const TENSORS: &[(&str, &[usize])] = &[
        ("conv1.weight", &[28, 3, 3, 3]),
        ("conv1.bias", &[28]),
        ("prelu1.weight", &[28]),
        ("conv2.weight", &[48, 28, 3, 3]),
        ("conv2.bias", &[48]),
        ("prelu2.weight", &[48]),
        ("conv3.weight", &[64, 48, 2, 2]),
        ("conv3.bias", &[64]),
        ("prelu3.weight", &[64]),
        ("dense4.weight", &[128, 576]),
        ("dense4.bias", &[128]),
        ("prelu4.weight", &[128]),
        ("dense5_1.weight", &[2, 128]),
        ("dense5_1.bias", &[2]),
        ("dense5_2.weight", &[4, 128]),
        ("dense5_2.bias", &[4]),
    ];

    #[test]
    fn rnet_answers_as_upstream() -> anyhow::Result<()> {
        let goldens = Goldens::open("mtcnn_networks");
        let checkpoint = formula_checkpoint("rnet", TENSORS);
        let rnet = RNet::load(&checkpoint.root(), &f32_placement())?;
        checkpoint.finish()?;
        let input = formula_input("rnet.24x24", (3, 24, 24));
        let x = rnet.conv1.forward(&input);
        goldens.assert_tap("rnet.24x24.pool1", &x);
        let x = rnet.conv2.forward(&x);
        goldens.assert_tap("rnet.24x24.pool2", &x);
        let x = rnet.conv3.forward(&x);
        goldens.assert_tap("rnet.24x24.prelu3", &x);
        let x = rnet.dense4.forward(&x);
        goldens.assert_tap("rnet.24x24.prelu4", &x);
        goldens.assert_outputs("rnet.24x24", &rnet.forward(&input));
        Ok(())
    }
}

use weights::Scope;

use crate::layers::{Conv2d, Conv2dBuilder};
use crate::tensor::Tensor;
use crate::{LoadError, Placement};

/// The output network: one answer for each crop of 48×48, with landmarks.
#[derive(Debug)]
pub(super) struct ONet {
    conv1: Conv2d,  // with prelu1, pool1
    conv2: Conv2d,  // with prelu2, pool2
    conv3: Conv2d,  // with prelu3, pool3
    conv4: Conv2d,  // with prelu4
    dense5: Conv2d, // with prelu5
    dense6: Conv2d, // dense6_1, dense6_2 and dense6_3
}

impl ONet {
    pub(super) fn load(scope: &Scope<'_>, placement: &Placement) -> Result<Self, LoadError> {
        let conv = |i, inputs, outputs, kernel| {
            Conv2dBuilder::load(&scope.pp(format_args!("conv{i}")), inputs, outputs, kernel)?
                .prelu(&scope.pp(format_args!("prelu{i}")))
        };
        let dense5 = Conv2dBuilder::load_dense_over_map(&scope.pp("dense5"), 128, 3, 256)?;
        let class = Conv2dBuilder::load_dense(&scope.pp("dense6_1"), 256, 2)?;
        let offsets = Conv2dBuilder::load_dense(&scope.pp("dense6_2"), 256, 4)?;
        let landmarks = Conv2dBuilder::load_dense(&scope.pp("dense6_3"), 256, 10)?;
        Ok(Self {
            conv1: conv(1, 3, 32, 3)?.max_pool(3).for_pieces_on(placement),
            conv2: conv(2, 32, 64, 3)?.max_pool(3).for_pieces_on(placement),
            conv3: conv(3, 64, 64, 3)?.max_pool(2).for_pieces_on(placement),
            conv4: conv(4, 64, 128, 2)?.for_pieces_on(placement),
            dense5: dense5.prelu(&scope.pp("prelu5"))?.for_pieces_on(placement),
            dense6: class
                .beside(offsets)
                .beside(landmarks)
                .for_pieces_on(placement),
        })
    }

    /// `[batch, 48, 48, 3]` to `[batch, 1, 1, 16]`: logits of no face and of a face, four offsets, x of five landmarks,
    /// then their y.
    pub(super) fn forward(&self, crops: &Tensor) -> Tensor {
        let x = self.conv1.forward(crops); // [batch, 23, 23, 32]
        let x = self.conv2.forward(&x); // [batch, 10, 10, 64]
        let x = self.conv3.forward(&x); // [batch, 4, 4, 64]
        let x = self.conv4.forward(&x); // [batch, 3, 3, 128]
        let x = self.dense5.forward(&x); // [batch, 1, 1, 256]
        self.dense6.forward(&x)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::ONet;
    use crate::mtcnn::goldens::{Goldens, f32_placement, formula_checkpoint, formula_input};

    /// Upstream's names and shapes.
    pub(in crate::mtcnn) const TENSORS: &[(&str, &[usize])] = &[
        ("conv1.weight", &[32, 3, 3, 3]),
        ("conv1.bias", &[32]),
        ("prelu1.weight", &[32]),
        ("conv2.weight", &[64, 32, 3, 3]),
        ("conv2.bias", &[64]),
        ("prelu2.weight", &[64]),
        ("conv3.weight", &[64, 64, 3, 3]),
        ("conv3.bias", &[64]),
        ("prelu3.weight", &[64]),
        ("conv4.weight", &[128, 64, 2, 2]),
        ("conv4.bias", &[128]),
        ("prelu4.weight", &[128]),
        ("dense5.weight", &[256, 1152]),
        ("dense5.bias", &[256]),
        ("prelu5.weight", &[256]),
        ("dense6_1.weight", &[2, 256]),
        ("dense6_1.bias", &[2]),
        ("dense6_2.weight", &[4, 256]),
        ("dense6_2.bias", &[4]),
        ("dense6_3.weight", &[10, 256]),
        ("dense6_3.bias", &[10]),
    ];

    #[test]
    fn onet_answers_as_upstream() -> anyhow::Result<()> {
        let goldens = Goldens::open("mtcnn_networks");
        let checkpoint = formula_checkpoint("onet", TENSORS);
        let onet = ONet::load(&checkpoint.root(), &f32_placement())?;
        checkpoint.finish()?;
        let input = formula_input("onet.48x48", (2, 48, 48));
        let x = onet.conv1.forward(&input);
        goldens.assert_tap("onet.48x48.pool1", &x);
        let x = onet.conv2.forward(&x);
        goldens.assert_tap("onet.48x48.pool2", &x);
        let x = onet.conv3.forward(&x);
        goldens.assert_tap("onet.48x48.pool3", &x);
        let x = onet.conv4.forward(&x);
        goldens.assert_tap("onet.48x48.prelu4", &x);
        let x = onet.dense5.forward(&x);
        goldens.assert_tap("onet.48x48.prelu5", &x);
        goldens.assert_outputs("onet.48x48", &onet.forward(&input));
        Ok(())
    }

    /// One crop alone gives the same bits as in a batch.
    #[test]
    fn a_batch_answers_as_its_images_alone() -> anyhow::Result<()> {
        let checkpoint = formula_checkpoint("onet", TENSORS);
        let onet = ONet::load(&checkpoint.root(), &f32_placement())?;
        let input = formula_input("onet.48x48", (2, 48, 48));
        let both = onet.forward(&input);
        for i in 0..2 {
            let alone = onet.forward(&input.narrow(0, i, 1));
            assert_eq!(alone.values(), both.narrow(0, i, 1).values());
        }
        Ok(())
    }
}

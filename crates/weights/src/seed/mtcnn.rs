//! MTCNN's three networks, as `facenet_pytorch`'s `PNet`, `RNet` and `ONet` name them.

use super::tensors::Tensors;

/// With slopes of about 1/4 a PReLU passes on some three quarters of the variance.
const GAIN: f64 = 1.6;
/// Of the score's layer: scores from near 0 to near 1 within one picture.
const HEAD_GAIN: f64 = 3.0;
/// Of the offsets and landmarks: boxes move by a fraction of their size.
const OFFSET_GAIN: f64 = 0.05;

pub(super) fn pnet() -> Tensors {
    let mut net = Tensors::default();
    net.conv("conv1", "prelu1", &[10, 3, 3, 3]);
    net.conv("conv2", "prelu2", &[16, 10, 3, 3]);
    net.conv("conv3", "prelu3", &[32, 16, 3, 3]);
    net.scores("conv4_1", &[2, 32, 1, 1], -10.0);
    net.offsets("conv4_2", &[4, 32, 1, 1], 0.0);
    net
}

pub(super) fn rnet() -> Tensors {
    let mut net = Tensors::default();
    net.conv("conv1", "prelu1", &[28, 3, 3, 3]);
    net.conv("conv2", "prelu2", &[48, 28, 3, 3]);
    net.conv("conv3", "prelu3", &[64, 48, 2, 2]);
    net.conv("dense4", "prelu4", &[128, 576]);
    net.scores("dense5_1", &[2, 128], 0.0);
    net.offsets("dense5_2", &[4, 128], 0.0);
    net
}

pub(super) fn onet() -> Tensors {
    let mut net = Tensors::default();
    net.conv("conv1", "prelu1", &[32, 3, 3, 3]);
    net.conv("conv2", "prelu2", &[64, 32, 3, 3]);
    net.conv("conv3", "prelu3", &[64, 64, 3, 3]);
    net.conv("conv4", "prelu4", &[128, 64, 2, 2]);
    net.conv("dense5", "prelu5", &[256, 1152]);
    net.scores("dense6_1", &[2, 256], -4.0);
    net.offsets("dense6_2", &[4, 256], 0.0);
    // Landmarks are fractions of the box.
    net.offsets("dense6_3", &[10, 256], 0.5);
    net
}

impl Tensors {
    /// A layer's weight (`[outputs, inputs…]`) and bias, and the PReLU behind it.
    fn conv(&mut self, layer: &str, prelu: &str, shape: &[usize]) {
        self.weight(format!("{layer}.weight"), shape, fan_in(shape), GAIN);
        self.add(format!("{layer}.bias"), &shape[..1], 0.0, 0.2);
        self.add(format!("{prelu}.weight"), &shape[..1], 0.25, 0.25);
    }

    /// The layer of the two scores; the second, for a face, is `lead` above the first.
    fn scores(&mut self, layer: &str, shape: &[usize], lead: f64) {
        self.weight(format!("{layer}.weight"), shape, fan_in(shape), HEAD_GAIN);
        self.add(format!("{layer}.bias"), &shape[..1], -lead / 2.0, 0.05);
        self.lead(&[0.0, lead]);
    }

    /// A layer of offsets or landmarks around `centre`.
    fn offsets(&mut self, layer: &str, shape: &[usize], centre: f64) {
        self.weight(format!("{layer}.weight"), shape, fan_in(shape), OFFSET_GAIN);
        self.add(format!("{layer}.bias"), &shape[..1], centre, 0.1);
    }
}

fn fan_in(shape: &[usize]) -> usize {
    shape[1..].iter().product()
}

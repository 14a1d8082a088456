//! Faster R-CNN with a ResNet-50 and a feature pyramid, as the first versions of torchvision's
//! `fasterrcnn_resnet50_fpn` name it: those of its weights file.

use super::tensors::Tensors;

/// Of the stem, which passes on a pooled maximum.
const STEM_GAIN: f64 = 2.0;
/// Of a bottleneck's first two layers, behind each of which a ReLU takes most away.
const INNER_GAIN: f64 = 2.0;
/// Of its last: each bottleneck adds a little to what went before. More, and a difference in the
/// last digits would grow through sixteen of them.
const BRANCH_GAIN: f64 = 0.4;
/// Of what goes past the first bottleneck of a stage.
const IDENTITY_GAIN: f64 = 2.2;
/// How far the trunk's weights lean below zero.
const LEAN: f64 = 1.0;

const WIDTH: usize = 64;
const BLOCKS: [usize; 4] = [3, 4, 6, 3];
const PYRAMID: usize = 256;
const ANCHORS: usize = 3;
/// 7×7 places of the pyramid.
const POOLED: usize = 49 * PYRAMID;
const REPRESENTATION: usize = 1024;
const CLASSES: usize = 91;

/// By how much the logits of background and person are above the others': most proposals show
/// nothing, and some of the rest persons.
const LEADS: [f64; 2] = [12.0, 4.5];

pub(super) fn resnet50_fpn() -> Tensors {
    let mut net = Tensors::default();
    trunk(&mut net);
    pyramid(&mut net);
    proposal_network(&mut net);
    box_head(&mut net);
    net
}

fn trunk(net: &mut Tensors) {
    net.weight(
        "backbone.body.conv1.weight",
        &[WIDTH, 3, 7, 7],
        147,
        STEM_GAIN,
    );
    net.frozen_batch_norm("backbone.body.bn1", WIDTH);
    let mut inputs = WIDTH;
    for (stage, blocks) in BLOCKS.into_iter().enumerate() {
        let width = WIDTH << stage;
        let outputs = 4 * width;
        for block in 0..blocks {
            let layer = format!("backbone.body.layer{}.{block}", stage + 1);
            let mut conv = |conv: &str, norm: &str, shape: [usize; 4], gain| {
                let fan_in = shape[1..].iter().product();
                net.leaning_weight(format!("{layer}.{conv}.weight"), &shape, fan_in, gain, LEAN);
                net.frozen_batch_norm(&format!("{layer}.{norm}"), shape[0]);
            };
            conv("conv1", "bn1", [width, inputs, 1, 1], INNER_GAIN);
            conv("conv2", "bn2", [width, width, 3, 3], INNER_GAIN);
            conv("conv3", "bn3", [outputs, width, 1, 1], BRANCH_GAIN);
            if block == 0 {
                let shape = [outputs, inputs, 1, 1];
                conv("downsample.0", "downsample.1", shape, IDENTITY_GAIN);
            }
            inputs = outputs;
        }
    }
}

fn pyramid(net: &mut Tensors) {
    for stage in 0..BLOCKS.len() {
        let inputs = (4 * WIDTH) << stage;
        let inner = format!("backbone.fpn.inner_blocks.{stage}");
        net.conv_with_bias(&inner, &[PYRAMID, inputs, 1, 1], 0.7, 0.2);
        let layer = format!("backbone.fpn.layer_blocks.{stage}");
        net.conv_with_bias(&layer, &[PYRAMID, PYRAMID, 3, 3], 1.0, 0.2);
    }
}

/// Its logits only order the anchors. Boxes move by about a twentieth of their size.
fn proposal_network(net: &mut Tensors) {
    net.conv_with_bias("rpn.head.conv", &[PYRAMID, PYRAMID, 3, 3], 1.0, 0.3);
    net.conv_with_bias("rpn.head.cls_logits", &[ANCHORS, PYRAMID, 1, 1], 3.0, 0.3);
    net.conv_with_bias(
        "rpn.head.bbox_pred",
        &[4 * ANCHORS, PYRAMID, 1, 1],
        0.1,
        0.05,
    );
}

fn box_head(net: &mut Tensors) {
    net.conv_with_bias(
        "roi_heads.box_head.fc6",
        &[REPRESENTATION, POOLED],
        0.5,
        0.3,
    );
    let fc7 = "roi_heads.box_head.fc7";
    let shape = [REPRESENTATION, REPRESENTATION];
    net.leaning_weight(format!("{fc7}.weight"), &shape, REPRESENTATION, 6.0, 3.0);
    net.add(format!("{fc7}.bias"), &shape[..1], 0.0, 0.3);
    let predictor = "roi_heads.box_predictor";
    let scores = format!("{predictor}.cls_score");
    net.conv_with_bias(&scores, &[CLASSES, REPRESENTATION], 4.0, 0.3);
    net.lead(&LEADS);
    let offsets = format!("{predictor}.bbox_pred");
    net.conv_with_bias(&offsets, &[4 * CLASSES, REPRESENTATION], 0.3, 0.1);
}

impl Tensors {
    /// A layer's weight (`[outputs, inputs…]`) and its bias.
    fn conv_with_bias(&mut self, layer: &str, shape: &[usize], gain: f64, bias: f64) {
        let fan_in = shape[1..].iter().product();
        self.weight(format!("{layer}.weight"), shape, fan_in, gain);
        self.add(format!("{layer}.bias"), &shape[..1], 0.0, bias);
    }

    /// A batch norm's weight, bias and statistics.
    fn frozen_batch_norm(&mut self, norm: &str, channels: usize) {
        self.add(format!("{norm}.weight"), &[channels], 1.0, 0.25);
        self.add(format!("{norm}.bias"), &[channels], 0.0, 0.1);
        self.add(format!("{norm}.running_mean"), &[channels], 0.0, 0.1);
        self.add(format!("{norm}.running_var"), &[channels], 1.0, 0.4);
    }
}

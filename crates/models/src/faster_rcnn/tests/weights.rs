//! What a weights file must hold.

use super::network::within;
use super::sizes::EVEN;
use crate::faster_rcnn::{FasterRcnn, roi_pool};
use crate::goldens::formula::Tensors;
use crate::goldens::mutations::Network;
use crate::goldens::{Distance, Goldens};
use crate::{Interrupt, Placement, Precision};

fn cpu() -> Placement {
    Placement::new(Precision::F32)
}

/// The names that torchvision's older versions wrote, and the real file has.
fn old_names(tensors: &Tensors) -> Tensors {
    let old = |name: &str| {
        let name = name.replace("rpn.head.conv.0.0.", "rpn.head.conv.");
        match name.strip_prefix("backbone.fpn.") {
            Some(rest) => format!(
                "backbone.fpn.{}",
                rest.replacen(".0.weight", ".weight", 1)
                    .replacen(".0.bias", ".bias", 1)
            ),
            None => name,
        }
    };
    tensors
        .iter()
        .map(|(name, shape)| (old(name), shape.clone()))
        .collect()
}

#[test]
fn every_tensor_matters() -> anyhow::Result<()> {
    let input = EVEN.input();
    let boxes = Goldens::open("faster_rcnn").rows::<4>("faster_rcnn.even.proposals");
    let network = Network {
        name: "faster_rcnn.even",
        tensors: EVEN.tensors(),
        weights: &|name, shape| EVEN.weight(name, shape),
        // All that the network answers, on proposals that do not jump.
        answers: &|file| {
            let network = FasterRcnn::load_sized(file, EVEN.config, &cpu())?;
            let levels = network.levels(&input, Interrupt::NEVER)?;
            let mut answers = Vec::new();
            for level in &levels {
                answers.extend(network.rpn.forward(level).into_vec());
            }
            let pooled = roi_pool::pool(&levels, &boxes, network.isa);
            let representation = network.roi_heads.representation(pooled, Interrupt::NEVER)?;
            answers.extend(network.roi_heads.logits(&representation).into_vec());
            answers.extend(network.roi_heads.offsets(&representation).into_vec());
            Ok(answers)
        },
        within_tolerance: &|got, plain| within(Precision::F32, Distance::between(got, plain)),
    };
    network.assert_refused_without_any_tensor();
    network.assert_moved_by_every_tensor()
}

#[test]
fn old_and_new_names_are_read_but_not_both() {
    let tensors = EVEN.tensors();
    let old = old_names(&tensors);
    let renamed = old.iter().filter(|tensor| !tensors.contains(tensor));
    assert_eq!(renamed.count(), 18);
    let load =
        |tensors: &Tensors| FasterRcnn::load_sized(&EVEN.file_of(tensors), EVEN.config, &cpu());
    load(&old).unwrap();
    let both: Tensors = [tensors, old].concat();
    let both: Tensors = both
        .into_iter()
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_iter()
        .collect();
    let error = load(&both).unwrap_err().to_string();
    assert!(
        error.contains("backbone.fpn.inner_blocks.0.0.bias"),
        "{error}"
    );
}

#[test]
fn only_counters_are_left_aside() {
    let with = |extra: &str| {
        let mut tensors = EVEN.tensors();
        tensors.push((extra.to_owned(), vec![3]));
        FasterRcnn::load_sized(&EVEN.file_of(&tensors), EVEN.config, &cpu())
    };
    with("backbone.body.layer2.0.bn3.num_batches_tracked").unwrap();
    with("backbone.body.layer2.0.downsample.1.num_batches_tracked").unwrap();
    let error = with("backbone.body.fc.weight").unwrap_err().to_string();
    assert!(error.contains("backbone.body.fc.weight"), "{error}");
}

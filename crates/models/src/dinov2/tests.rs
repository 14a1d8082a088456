//! The network against timm's.

use weights::Checkpoint;

use super::{CONFIG, load};
use crate::goldens::formula::{Tensors, checkpoint};
use crate::goldens::mutations::Network;
use crate::goldens::{Distance, Goldens};
use crate::interrupt::tests::questions;
use crate::vit::goldens::{EVEN, ODD, Size, assert_golden, cpu, placements, within};
use crate::vit::{Config, Vit};
use crate::{Interrupt, Interrupted, Placement, Precision};

/// Upstream's names and shapes.
fn tensors(config: &Config) -> Tensors {
    let (width, hidden, patch) = (config.width, config.hidden(), config.patch);
    let mut tensors: Vec<(String, Vec<usize>)> = [
        ("cls_token", vec![1, 1, width]),
        ("pos_embed", vec![1, config.tokens(), width]),
        ("patch_embed.proj.weight", vec![width, 3, patch, patch]),
        ("patch_embed.proj.bias", vec![width]),
        ("norm.weight", vec![width]),
        ("norm.bias", vec![width]),
    ]
    .map(|(name, shape)| (name.to_owned(), shape))
    .to_vec();
    for i in 0..config.layers {
        tensors.extend(
            [
                ("norm1.weight", vec![width]),
                ("norm1.bias", vec![width]),
                ("attn.qkv.weight", vec![3 * width, width]),
                ("attn.qkv.bias", vec![3 * width]),
                ("attn.proj.weight", vec![width, width]),
                ("attn.proj.bias", vec![width]),
                ("ls1.gamma", vec![width]),
                ("norm2.weight", vec![width]),
                ("norm2.bias", vec![width]),
                ("mlp.fc1.weight", vec![hidden, width]),
                ("mlp.fc1.bias", vec![hidden]),
                ("mlp.fc2.weight", vec![width, hidden]),
                ("mlp.fc2.bias", vec![width]),
                ("ls2.gamma", vec![width]),
            ]
            .map(|(name, shape)| (format!("blocks.{i}.{name}"), shape)),
        );
    }
    tensors
}

fn file(size: &Size, extra: &[(&str, &[usize])]) -> Checkpoint {
    let mut tensors = tensors(&size.config(CONFIG));
    tensors.extend(
        extra
            .iter()
            .map(|&(name, shape)| (name.to_owned(), shape.to_vec())),
    );
    let case = format!("dinov2.{}", size.name);
    checkpoint("dinov2", &tensors, |name, shape| {
        size.weight(&case, name, shape)
    })
}

fn vit(size: &Size, placement: &Placement) -> anyhow::Result<Vit> {
    Ok(load(&file(size, &[]), &size.config(CONFIG), placement)?)
}

#[test]
fn dinov2_answers_as_upstream() -> anyhow::Result<()> {
    let goldens = Goldens::open("dinov2");
    for size in [EVEN, ODD] {
        let case = format!("dinov2.{}", size.name);
        let input = size.input(&case, CONFIG);
        for placement in placements() {
            let precision = placement.precision;
            let vit = vit(&size, &placement)?;
            vit.assert_stages(&goldens, &case, &input, precision)?;
            let output = vit.forward(&input, Interrupt::NEVER)?;
            assert_golden(&goldens, &format!("{case}.output"), &output, precision);
        }
    }
    Ok(())
}

#[test]
fn a_vector_does_not_depend_on_its_batch() -> anyhow::Result<()> {
    let vit = vit(&EVEN, &cpu(Precision::F32))?;
    let input = EVEN.input("dinov2.even", CONFIG);
    let both = vit.forward(&input, Interrupt::NEVER)?;
    for i in 0..2 {
        let alone = vit.forward(&input.narrow(0, i, 1), Interrupt::NEVER)?;
        let distance = Distance::between(alone.values(), both.narrow(0, i, 1).values());
        assert!(distance.difference <= 1e-5, "{distance:?}");
    }
    Ok(())
}

/// It asks at the start, and five times a block.
#[test]
fn a_pass_that_nobody_waits_for_ends() -> anyhow::Result<()> {
    let vit = vit(&EVEN, &cpu(Precision::F32))?;
    let input = EVEN.input("dinov2.even", CONFIG);
    let interrupted = |_: &Interrupted| true;
    let asked = questions(|interrupt| vit.forward(&input, interrupt), interrupted);
    assert_eq!(asked, 1 + 5 * EVEN.config(CONFIG).layers);
    let asked = questions(|interrupt| vit.tokens(&input, interrupt), interrupted);
    assert_eq!(asked, 1 + 5 * EVEN.config(CONFIG).layers);
    Ok(())
}

#[test]
fn every_tensor_matters() -> anyhow::Result<()> {
    let config = EVEN.config(CONFIG);
    let input = EVEN.input("dinov2.even", CONFIG);
    let network = Network {
        name: "dinov2.even",
        tensors: tensors(&config),
        weights: &|name, shape| EVEN.weight("dinov2.even", name, shape),
        answers: &|file| {
            let vit = load(file, &config, &cpu(Precision::F32))?;
            Ok(vit.forward(&input, Interrupt::NEVER)?.into_vec())
        },
        within_tolerance: &|got, plain| within(Precision::F32, Distance::between(got, plain)),
    };
    network.assert_refused_without_any_tensor();
    network.assert_moved_by_every_tensor()
}

#[test]
fn only_the_mask_token_is_left_aside() {
    let config = EVEN.config(CONFIG);
    let masked = file(&EVEN, &[("mask_token", &[1, 128][..])]);
    load(&masked, &config, &cpu(Precision::F32)).unwrap();
    let unknown = file(&EVEN, &[("head.weight", &[5, 128][..])]);
    let error = load(&unknown, &config, &cpu(Precision::F32)).unwrap_err();
    assert!(error.to_string().contains("head.weight"), "{error}");
}

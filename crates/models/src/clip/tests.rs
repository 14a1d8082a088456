//! The image tower against open_clip's.

use weights::Checkpoint;

use super::{Clip, Tower, Variant};
use crate::goldens::formula::{Tensors, checkpoint};
use crate::goldens::mutations::Network;
use crate::goldens::{Distance, Goldens};
use crate::vit::Config;
use crate::vit::goldens::{EVEN, ODD, Size, assert_golden, cpu, placements, within};
use crate::{EncodeError, ImageEncoder, Interrupt, Placement, Precision};

/// Upstream's names and shapes.
fn tensors(config: &Config, dims: usize) -> Tensors {
    let (width, hidden, patch) = (config.width, config.hidden(), config.patch);
    let mut tensors: Vec<(String, Vec<usize>)> = [
        ("class_embedding", vec![width]),
        ("positional_embedding", vec![config.tokens(), width]),
        ("proj", vec![width, dims]),
        ("conv1.weight", vec![width, 3, patch, patch]),
        ("ln_pre.weight", vec![width]),
        ("ln_pre.bias", vec![width]),
        ("ln_post.weight", vec![width]),
        ("ln_post.bias", vec![width]),
    ]
    .map(|(name, shape)| (format!("visual.{name}"), shape))
    .to_vec();
    for i in 0..config.layers {
        tensors.extend(
            [
                ("ln_1.weight", vec![width]),
                ("ln_1.bias", vec![width]),
                ("attn.in_proj_weight", vec![3 * width, width]),
                ("attn.in_proj_bias", vec![3 * width]),
                ("attn.out_proj.weight", vec![width, width]),
                ("attn.out_proj.bias", vec![width]),
                ("ln_2.weight", vec![width]),
                ("ln_2.bias", vec![width]),
                ("mlp.c_fc.weight", vec![hidden, width]),
                ("mlp.c_fc.bias", vec![hidden]),
                ("mlp.c_proj.weight", vec![width, hidden]),
                ("mlp.c_proj.bias", vec![width]),
            ]
            .map(|(name, shape)| (format!("visual.transformer.resblocks.{i}.{name}"), shape)),
        );
    }
    tensors
}

fn config(size: &Size) -> Config {
    size.config(Variant::default().config())
}

fn file(size: &Size, extra: &[(&str, &[usize])]) -> Checkpoint {
    let mut tensors = tensors(&config(size), size.dims);
    tensors.extend(
        extra
            .iter()
            .map(|&(name, shape)| (name.to_owned(), shape.to_vec())),
    );
    let case = format!("clip.{}", size.name);
    checkpoint("clip", &tensors, |name, shape| {
        size.weight(&case, name, shape)
    })
}

fn tower(size: &Size, placement: &Placement) -> anyhow::Result<Tower> {
    let file = file(size, &[]);
    Ok(Tower::load(&file, &config(size), size.dims, placement)?)
}

#[test]
fn clip_answers_as_upstream() -> anyhow::Result<()> {
    let goldens = Goldens::open("clip");
    for size in [EVEN, ODD] {
        let case = format!("clip.{}", size.name);
        let input = size.input(&case, config(&size));
        for placement in placements() {
            let precision = placement.precision;
            let tower = tower(&size, &placement)?;
            tower
                .vit
                .assert_stages(&goldens, &case, &input, precision)?;
            let output = tower.forward(&input, Interrupt::NEVER)?;
            assert_golden(&goldens, &format!("{case}.output"), &output, precision);
        }
    }
    Ok(())
}

#[test]
fn a_vector_does_not_depend_on_its_batch() -> anyhow::Result<()> {
    let tower = tower(&EVEN, &cpu(Precision::F32))?;
    let input = EVEN.input("clip.even", config(&EVEN));
    let both = tower.forward(&input, Interrupt::NEVER)?;
    for i in 0..2 {
        let alone = tower.forward(&input.narrow(0, i, 1), Interrupt::NEVER)?;
        let distance = Distance::between(alone.values(), both.narrow(0, i, 1).values());
        assert!(distance.difference <= 1e-5, "{distance:?}");
    }
    Ok(())
}

#[test]
fn every_tensor_matters() -> anyhow::Result<()> {
    let input = EVEN.input("clip.even", config(&EVEN));
    let network = Network {
        name: "clip.even",
        tensors: tensors(&config(&EVEN), EVEN.dims),
        weights: &|name, shape| EVEN.weight("clip.even", name, shape),
        answers: &|file| {
            let tower = Tower::load(file, &config(&EVEN), EVEN.dims, &cpu(Precision::F32))?;
            Ok(tower.forward(&input, Interrupt::NEVER)?.into_vec())
        },
        within_tolerance: &|got, plain| within(Precision::F32, Distance::between(got, plain)),
    };
    network.assert_refused_without_any_tensor();
    network.assert_moved_by_every_tensor()
}

#[test]
fn the_text_tower_is_left_aside_and_nothing_else() {
    let text = [
        ("positional_embedding", &[77, 512][..]),
        ("text_projection", &[4, 5]),
        ("logit_scale", &[]),
        ("token_embedding.weight", &[6, 5]),
        ("transformer.resblocks.0.ln_1.weight", &[5]),
        ("ln_final.bias", &[5]),
    ];
    let with_text = file(&EVEN, &text);
    let placement = cpu(Precision::F32);
    Tower::load(&with_text, &config(&EVEN), EVEN.dims, &placement).unwrap();
    assert_eq!(with_text.ignored().len(), text.len());

    let unknown = file(&EVEN, &[("visual.attn_pool.query", &[5][..])]);
    let error = Tower::load(&unknown, &config(&EVEN), EVEN.dims, &placement).unwrap_err();
    assert!(
        error.to_string().contains("visual.attn_pool.query"),
        "{error}"
    );
}

/// A file of another variant is refused, by the first tensor whose shape tells.
#[test]
fn a_file_of_another_variant_is_refused() {
    let placement = cpu(Precision::F32);
    let error = Clip::load(&file(&EVEN, &[]), Variant::VitL14, &placement).unwrap_err();
    assert!(error.to_string().contains("expected [1024]"), "{error}");
}

/// The default variant at its real size, on cheap weights: every shape fits.
#[test]
fn the_default_variant_runs_at_full_size() -> anyhow::Result<()> {
    let variant = Variant::default();
    let file = checkpoint(
        "clip",
        &tensors(&variant.config(), variant.dims()),
        |_, shape| {
            let count: usize = shape.iter().product();
            (0..count).map(|i| (i % 7) as f32 * 0.01 - 0.025).collect()
        },
    );
    let clip = Clip::load(&file, variant, &cpu(Precision::F32))?;
    let image = imaging::RgbImage::from_raw(2, 3, (0..18).map(|i| i * 13).collect()).unwrap();
    let pixels = clip.recipe().apply(&image)?;
    let vectors = clip.encode(&[&pixels, &pixels], Interrupt::NEVER)?;
    assert_eq!(vectors.len(), 2);
    assert!(vectors.iter().flatten().all(|v| v.is_finite()));
    assert_eq!(vectors[0].len(), clip.dims());
    let gone = Interrupt::new(&|| true);
    let error = clip.encode(&[&pixels], gone).unwrap_err();
    assert!(matches!(error, EncodeError::Interrupted(_)), "{error}");
    assert!(clip.encode(&[], Interrupt::NEVER)?.is_empty());

    let others = crate::dinov2::RECIPE.apply(&image)?;
    let error = clip
        .encode(&[&pixels, &others], Interrupt::NEVER)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "pixels of 518x518 for a model that takes 224x224");
    Ok(())
}

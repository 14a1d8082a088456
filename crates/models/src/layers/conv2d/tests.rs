use std::borrow::Cow;

use candle_core::{DType, Device, Result, Tensor};
use kernels::Precision;

use super::builder::Owned;
use super::{Conv2d, Conv2dBuilder, Weights};
use crate::Placement;
use crate::layers::test_numbers as numbers;

fn builder(channels: (usize, usize), kernel: usize) -> Conv2dBuilder<'static> {
    let (in_channels, out_channels) = channels;
    Conv2dBuilder {
        in_channels,
        out_channels,
        kernel,
        stride: 1,
        padding: 0,
        weight: Cow::Owned(numbers(in_channels * out_channels * kernel * kernel, 0.1)),
        bias: numbers(out_channels, 0.2),
        rectifier: Owned::PRelu(numbers(out_channels, 0.3)),
        pool: None,
    }
}

fn assert_same(a: Tensor, b: Tensor, tolerance: f32) -> Result<()> {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b)?.abs()?.max_all()?.to_scalar::<f32>()?;
    assert!(difference <= tolerance, "{difference}");
    Ok(())
}

/// What other devices run, on the one device every machine has.
#[test]
fn pieces_and_candle_operations_agree() -> Result<()> {
    let device = Device::Cpu;
    for (channels, kernel, pool, (height, width)) in [
        ((3, 10), 3, Some(2), (12, 13)),
        ((3, 10), 3, Some(2), (13, 18)),
        ((3, 28), 3, Some(3), (24, 24)),
        ((28, 48), 3, Some(3), (11, 12)),
        ((48, 64), 2, None, (4, 4)),
        ((64, 6), 1, None, (1, 1)),
    ] {
        let mut builder = builder(channels, kernel);
        builder.pool = pool;
        let packed = builder.clone().for_pieces_on(&device)?;
        let tensors = Conv2d {
            weights: Weights::Tensors(
                builder.tensors(&Placement::new(device.clone(), Precision::F32))?,
            ),
            in_pieces: true,
            pool,
        };
        let shape = (2, height, width, channels.0);
        let count = 2 * height * width * channels.0;
        let input = Tensor::from_vec(numbers(count, 0.5), shape, &device)?;
        assert_same(packed.forward(&input)?, tensors.forward(&input)?, 1e-4)?;
    }
    Ok(())
}

#[test]
fn whole_layers_and_candle_operations_agree() -> Result<()> {
    let device = Device::Cpu;
    for (channels, kernel, stride, padding) in [
        ((3, 16), 7, 2, 3),
        ((32, 48), 3, 1, 1),
        ((16, 40), 3, 2, 1),
        ((24, 15), 1, 1, 0),
        ((8, 64), 1, 2, 0),
    ] {
        // Rounding to bf16 before or after Winograd's transform makes a difference. A sum's terms are products of sines.
        let typical = 0.5 * ((channels.0 * kernel * kernel) as f32).sqrt();
        for (precision, part) in [(Precision::F32, 1e-5), (Precision::Bf16, 3e-2)] {
            let tolerance = part * typical;
            for rectifier in [Owned::None, Owned::Relu] {
                let placement = Placement::new(device.clone(), precision);
                let mut builder = builder(channels, kernel).stride(stride).padding(padding);
                builder.rectifier = rectifier;
                let tensors = Conv2d {
                    weights: Weights::Tensors(builder.tensors(&placement)?),
                    in_pieces: false,
                    pool: None,
                };
                let packed = builder.on(&placement)?;
                let count = 2 * 9 * 11 * channels.0;
                let input = Tensor::from_vec(numbers(count, 0.5), (2, 9, 11, channels.0), &device)?;
                let plain = packed.forward(&input)?;
                let residual = plain.affine(-0.7, 0.3)?;
                assert_same(plain, tensors.forward(&input)?, tolerance)?;
                let (_, height, width, _) = residual.dims4()?;
                for (rows, columns) in [(height, width), (height.div_ceil(2), width.div_ceil(2))] {
                    let residual = residual.narrow(1, 0, rows)?.narrow(2, 0, columns)?;
                    assert_same(
                        packed.forward_residual(&input, &residual)?,
                        tensors.forward_residual(&input, &residual)?,
                        tolerance,
                    )?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn an_activation_that_does_not_fit_is_an_error() -> Result<()> {
    let placement = Placement::new(Device::Cpu, Precision::F32);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    for layer in [
        builder((3, 4), 3).for_pieces_on(&Device::Cpu)?,
        builder((3, 4), 3).on(&placement)?,
    ] {
        for shape in [[1, 2, 9, 3], [1, 9, 9, 4]] {
            let message = layer.forward(&zeros(&shape)?).unwrap_err().to_string();
            assert!(message.contains("conv2d cannot take"), "{message}");
        }
    }
    let layer = builder((3, 4), 3).on(&placement)?;
    let error = layer.forward_residual(&zeros(&[1, 9, 9, 3])?, &zeros(&[1, 7, 7, 5])?);
    let message = error.unwrap_err().to_string();
    assert!(message.contains("residual of [1, 7, 7, 5]"), "{message}");
    Ok(())
}

#[test]
fn a_view_is_read_where_it_lies() -> Result<()> {
    let layer = builder((3, 4), 2).for_pieces_on(&Device::Cpu)?;
    let whole = Tensor::from_vec(numbers(2 * 5 * 5 * 3, 0.7), (2, 5, 5, 3), &Device::Cpu)?;
    let both = layer.forward(&whole)?;
    let second = layer.forward(&whole.narrow(0, 1, 1)?)?;
    let expected: Vec<f32> = both.narrow(0, 1, 1)?.flatten_all()?.to_vec1()?;
    assert_eq!(second.flatten_all()?.to_vec1::<f32>()?, expected);
    Ok(())
}

/// Expected: `weight * (conv(x) - mean) / sqrt(var + eps) + bias`, by hand.
#[test]
fn frozen_batch_norm_is_folded_into_weights_and_bias() -> anyhow::Result<()> {
    let tensors: crate::goldens::formula::Tensors =
        ["weight", "bias", "running_mean", "running_var"]
            .iter()
            .map(|name| ((*name).to_owned(), vec![2]))
            .collect();
    let file = crate::goldens::formula::checkpoint("bn", &tensors, |name, _| match name {
        "weight" => vec![2.0, -1.0],
        "bias" => vec![0.5, 0.25],
        "running_mean" => vec![1.0, -3.0],
        _ => vec![3.0, 0.0],
    });
    let plain = Conv2dBuilder {
        weight: Cow::Owned(vec![1.0, 4.0]),
        bias: vec![0.0; 2],
        rectifier: Owned::None,
        ..builder((1, 2), 1)
    };
    let folded = plain.frozen_batch_norm(&file.root(), 1.0)?;
    assert_eq!(*folded.weight, [1.0, -4.0]);
    assert_eq!(folded.bias, [-0.5, -2.75]);
    file.finish()?;
    Ok(())
}

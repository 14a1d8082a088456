use std::borrow::Cow;

use kernels::Precision;

use super::Conv2dBuilder;
use super::builder::Owned;
use crate::Placement;
use crate::layers::test_numbers;

fn builder(channels: (usize, usize), kernel: usize) -> Conv2dBuilder<'static> {
    let (in_channels, out_channels) = channels;
    let weight = test_numbers(&[out_channels, in_channels, kernel, kernel], 0.1);
    Conv2dBuilder {
        in_channels,
        out_channels,
        kernel,
        stride: 1,
        padding: 0,
        weight: Cow::Owned(weight.into_vec()),
        bias: test_numbers(&[out_channels], 0.2).into_vec(),
        rectifier: Owned::PRelu(test_numbers(&[out_channels], 0.3).into_vec()),
        pool: None,
    }
}

fn f32() -> Placement {
    Placement::new(Precision::F32)
}

/// What callers cut into pieces is what is done at once, and pooling takes the largest of each window.
#[test]
fn pieces_are_parts_of_the_whole() {
    for (channels, kernel, (height, width)) in [
        ((3, 10), 3, (12, 13)),
        ((28, 48), 3, (11, 12)),
        ((48, 64), 2, (4, 4)),
    ] {
        let input = test_numbers(&[2, height, width, channels.0], 0.5);
        let whole = builder(channels, kernel).on(&f32()).forward(&input);
        let pieces = builder(channels, kernel).for_pieces_on(&f32());
        let pieces = pieces.forward(&input);
        assert_eq!(pieces.shape(), whole.shape());
        assert_eq!(pieces.values(), whole.values());

        for pool in [2, 3] {
            let pooled = builder(channels, kernel).max_pool(pool);
            let pooled = pooled.for_pieces_on(&f32()).forward(&input);
            let [batch, rows, columns, depth] = pooled.dims();
            let [_, height, width, _] = whole.dims();
            for at in 0..batch * rows * columns * depth {
                let (channel, x) = (at % depth, at / depth % columns);
                let (y, image) = (at / depth / columns % rows, at / depth / columns / rows);
                let window = (0..pool * pool).map(|i| (2 * y + i / pool, 2 * x + i % pool));
                let largest = window
                    .filter(|&(y, x)| y < height && x < width)
                    .map(|(y, x)| {
                        whole.values()[((image * height + y) * width + x) * depth + channel]
                    })
                    .fold(f32::NEG_INFINITY, f32::max);
                assert_eq!(pooled.values()[at], largest, "{pool}: {at} of {pooled:?}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "a convolution of 3 channels cannot take [1, 2, 9, 3]")]
fn an_image_smaller_than_the_kernel_is_a_bug() {
    let _ = builder((3, 4), 3)
        .on(&f32())
        .forward(&test_numbers(&[1, 2, 9, 3], 0.5));
}

#[test]
#[should_panic(expected = "a convolution of 3 channels cannot take [1, 9, 9, 4]")]
fn an_image_of_other_channels_is_a_bug() {
    let layer = builder((3, 4), 3).for_pieces_on(&f32());
    let _ = layer.forward(&test_numbers(&[1, 9, 9, 4], 0.5));
}

#[test]
#[should_panic(expected = "a residual of [1, 7, 7, 5] for an answer of")]
fn a_residual_that_does_not_fit_is_a_bug() {
    let (x, residual) = (
        test_numbers(&[1, 9, 9, 3], 0.5),
        test_numbers(&[1, 7, 7, 5], 0.6),
    );
    let _ = builder((3, 4), 3)
        .on(&f32())
        .forward_residual(&x, &residual);
}

#[test]
fn a_part_of_a_batch_is_read_where_it_lies() {
    let layer = builder((3, 4), 2).for_pieces_on(&f32());
    let whole = test_numbers(&[2, 5, 5, 3], 0.7);
    let both = layer.forward(&whole);
    let second = layer.forward(&whole.narrow(0, 1, 1));
    assert_eq!(second.values(), both.narrow(0, 1, 1).values());
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

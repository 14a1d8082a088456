use rayon::prelude::*;

use crate::LinearWeights;
use crate::conv2d::Conv2dWeights;
use crate::linear::packing::PackedWeights;
use crate::words::Layout;

/// The kernels' values at the points, a matrix of `[out_channels, in_channels]` for each. `points` takes three numbers of a
/// kernel to their values. Computed in f64, rounded once.
pub(super) fn transformed<const IN: usize>(
    layout: Layout,
    weights: &Conv2dWeights<'_>,
    points: &[[f64; 3]; IN],
) -> Vec<PackedWeights> {
    let (inputs, outputs) = (weights.in_channels, weights.out_channels);
    // [out_channels][IN * IN, in_channels]
    let values: Vec<Vec<f32>> = weights
        .weight
        .par_chunks_exact(9 * inputs)
        .map(|kernels| {
            let mut values = vec![0.0; IN * IN * inputs];
            for (input, kernel) in kernels.as_chunks::<9>().0.iter().enumerate() {
                let across: [[f64; IN]; 3] = std::array::from_fn(|row| {
                    points.map(|point| {
                        let number = |column: usize| f64::from(kernel[3 * row + column]);
                        point[0] * number(0) + point[1] * number(1) + point[2] * number(2)
                    })
                });
                for (i, down) in points.iter().enumerate() {
                    for j in 0..IN {
                        let value = (0..3).map(|row| down[row] * across[row][j]).sum::<f64>();
                        values[(i * IN + j) * inputs + input] = value as f32;
                    }
                }
            }
            values
        })
        .collect();
    (0..IN * IN)
        .map(|point| {
            let rows = values.iter();
            let weight: Vec<f32> = rows
                .flat_map(|values| &values[point * inputs..(point + 1) * inputs])
                .copied()
                .collect();
            let weights = LinearWeights {
                inputs,
                outputs,
                weight: &weight,
                bias: None,
            };
            PackedWeights::new(layout, &weights)
        })
        .collect()
}

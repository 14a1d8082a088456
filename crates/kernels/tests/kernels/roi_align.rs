//! RoI align against plain loops in `f64`, on every instruction set of this processor.

use kernels::{FeatureMap, Isa, Roi, RoiAlign, roi_align};

use crate::reference::{Numbers, assert_close};

/// The value at a place between pixels, as upstream has it: nothing beyond a pixel from the map, else the nearest edge.
fn bilinear(map: &FeatureMap<'_>, channels: usize, channel: usize, y: f64, x: f64) -> f64 {
    let (height, width) = (map.height as f64, map.width as f64);
    if y < -1.0 || y > height || x < -1.0 || x > width {
        return 0.0;
    }
    let (y, x) = (y.clamp(0.0, height - 1.0), x.clamp(0.0, width - 1.0));
    let at = |row: usize, column: usize| {
        let (row, column) = (row.min(map.height - 1), column.min(map.width - 1));
        f64::from(map.values[(row * map.width + column) * channels + channel])
    };
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let (row, column) = (top as usize, left as usize);
    (1.0 - down) * ((1.0 - right) * at(row, column) + right * at(row, column + 1))
        + down * ((1.0 - right) * at(row + 1, column) + right * at(row + 1, column + 1))
}

fn plain(shape: RoiAlign, maps: &[FeatureMap<'_>], rois: &[Roi]) -> Vec<f64> {
    let RoiAlign {
        channels,
        side,
        samples,
    } = shape;
    let mut output = Vec::new();
    for roi in rois {
        let map = &maps[roi.map];
        let [x0, y0, x1, y1] = roi.bbox.map(|n| f64::from(n * map.scale));
        let width = (x1 - x0).max(1.0) / side as f64;
        let height = (y1 - y0).max(1.0) / side as f64;
        for row in 0..side {
            for column in 0..side {
                for channel in 0..channels {
                    let mut sum = 0.0;
                    for down in 0..samples {
                        for right in 0..samples {
                            let part = |n: usize| (n as f64 + 0.5) / samples as f64;
                            let y = y0 + (row as f64 + part(down)) * height;
                            let x = x0 + (column as f64 + part(right)) * width;
                            sum += bilinear(map, channels, channel, y, x);
                        }
                    }
                    output.push(sum / (samples * samples) as f64);
                }
            }
        }
    }
    output
}

#[test]
fn matches_plain_loops() {
    for (channels, side, samples) in [(1, 7, 2), (19, 7, 2), (64, 7, 2), (70, 3, 1), (256, 2, 3)] {
        let shape = RoiAlign {
            channels,
            side,
            samples,
        };
        let mut numbers = Numbers::new(channels as u64);
        let sizes = [(40, 56, 0.25), (20, 28, 0.125), (1, 1, 0.03125)];
        let values: Vec<Vec<f32>> = sizes
            .iter()
            .map(|(height, width, _)| numbers.take(height * width * channels))
            .collect();
        let maps: Vec<FeatureMap<'_>> = sizes
            .iter()
            .zip(&values)
            .map(|(&(height, width, scale), values)| FeatureMap {
                values,
                height,
                width,
                scale,
            })
            .collect();
        let mut rois = vec![
            [0.0, 0.0, 224.0, 160.0],
            [3.0, 5.0, 3.0, 5.0],             // empty: a pixel of the map
            [10.25, 7.75, 31.5, 90.0],        // samples share pixels
            [200.0, 140.0, 224.0, 160.0],     // at the far edges
            [-20.0, -9.0, 12.0, 8.0],         // before the map
            [215.0, 150.0, 300.0, 300.0],     // beyond it
            [5000.0, 5000.0, 6000.0, 5500.0], // nowhere near it
        ];
        for _ in 0..20 {
            let corner = numbers.take(4);
            let (x, y) = (112.0 + 112.0 * corner[0], 80.0 + 80.0 * corner[1]);
            let (w, h) = (60.0 + 60.0 * corner[2], 60.0 + 60.0 * corner[3]);
            rois.push([x, y, x + w, y + h]);
        }
        let rois: Vec<Roi> = rois
            .into_iter()
            .enumerate()
            .map(|(i, bbox)| Roi { map: i % 3, bbox })
            .collect();
        let expected = plain(shape, &maps, &rois);
        for isa in Isa::available() {
            let got = roi_align(isa, shape, &maps, &rois);
            // A sample's place is rounded to f32: 1e-5 of a pixel.
            assert_close(&got, &expected, 1e-4, &format!("{isa:?} {shape:?}"));
        }
    }
}

#[test]
fn no_rectangles_are_no_values_and_no_number_is_no_place() {
    let shape = RoiAlign {
        channels: 3,
        side: 2,
        samples: 2,
    };
    let map = FeatureMap {
        values: &[1.0; 12],
        height: 2,
        width: 2,
        scale: 1.0,
    };
    assert!(roi_align(Isa::detect(), shape, &[map], &[]).is_empty());
    let nowhere = Roi {
        map: 0,
        bbox: [f32::NAN; 4],
    };
    let got = roi_align(Isa::detect(), shape, &[map], &[nowhere]);
    assert_eq!(got, [0.0; 12]);
}

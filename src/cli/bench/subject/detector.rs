use std::sync::Arc;

use models::faster_rcnn::FasterRcnn;
use models::{Interrupt, Tensor};

use super::{Case, picture};

/// What a picture of 1280 by 960 becomes on its way in; the size that `peers/models.py` times.
const HEIGHT: usize = 800;
const WIDTH: usize = 1088;
/// Of backbone, pyramid and proposal head at that size, as `peers/models.py` counts them.
const GFLOP: f64 = 326.4;

/// The part whose cost depends on the image's size alone, then the whole detector on images of two sizes.
pub(super) fn cases(name: &'static str, model: FasterRcnn) -> anyhow::Result<Vec<Case>> {
    let model = Arc::new(model);
    let picture_of_features = picture(WIDTH as u32, HEIGHT as u32)?;
    let samples = picture_of_features.pixels().iter();
    let numbers: Vec<f32> = samples
        .map(|&sample| f32::from(sample) / 64.0 - 2.0)
        .collect();
    let pixels = Tensor::new(numbers, &[1, HEIGHT, WIDTH, 3]);
    let detector = Arc::clone(&model);
    let mut cases = vec![Case {
        model: name.into(),
        batch: 1,
        gflop: Some(GFLOP),
        run: Box::new(move || {
            detector.features(&pixels, Interrupt::NEVER)?;
            Ok(())
        }),
    }];
    for (width, height) in [(1024, 1024), (1280, 960)] {
        let (detector, image) = (Arc::clone(&model), picture(width, height)?);
        cases.push(Case {
            model: format!("{name} {width}x{height}").into(),
            batch: 1,
            gflop: None,
            run: Box::new(move || {
                detector.detect(&image, Interrupt::NEVER)?;
                Ok(())
            }),
        });
    }
    Ok(cases)
}

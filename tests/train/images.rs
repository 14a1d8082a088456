use std::fs;

use engine::classifiers::{Classifier, ClassifierFolder, EmbeddingModel};

use crate::{image_embed, report};

/// A picture that is mostly red or mostly blue.
fn picture(red: bool, seed: u32) -> Vec<u8> {
    let noise = |x: u32, y: u32| {
        (x.wrapping_mul(31) ^ y.wrapping_mul(17) ^ seed.wrapping_mul(7)) as u8 % 64
    };
    let image = image::RgbImage::from_fn(48, 48, |x, y| {
        let (much, little) = (190 + noise(x, y), noise(y, x));
        image::Rgb(if red {
            [much, little, little]
        } else {
            [little, little, much]
        })
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn images_are_embedded_and_told_apart() {
    let parent = tempfile::tempdir().unwrap();
    let [images, weights, classifiers] =
        ["images", "weights", "classifiers"].map(|name| parent.path().join(name));
    for (side, red) in [("positive", true), ("negative", false)] {
        let folder = images.join("12-red").join(side);
        fs::create_dir_all(&folder).unwrap();
        for seed in 0..6 {
            fs::write(folder.join(format!("{seed}.png")), picture(red, seed)).unwrap();
        }
    }
    fs::write(images.join("12-red/positive/broken.png"), b"no picture").unwrap();
    fs::create_dir_all(images.join("blue")).unwrap();
    let [images, weights, folder] =
        [&images, &weights, &classifiers].map(|path| path.to_str().unwrap().to_owned());
    let seeded = image_embed(&["models", "seed", &weights, "clip-vit-b-32"])
        .output()
        .unwrap();
    assert!(seeded.status.success());
    let arguments = [
        "train",
        "--json",
        "--images",
        &images,
        "--weights-dir",
        &weights,
        "--offline",
        "--classifiers-dir",
        &folder,
    ];
    let output = image_embed(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("left out: ") && said.contains("broken.png"),
        "{said}"
    );
    let rows = report(&output);
    assert_eq!(rows[0]["status"], "trained", "{rows:?}");
    assert_eq!(rows[0]["dimensionality"], 512);
    assert_eq!(rows[0]["samples"]["positives"], 6);
    assert_eq!(rows[0]["metrics"]["macro_precision"], 1.0);
    assert_eq!(
        rows[1]["reason"],
        "its folder's name does not begin with a number"
    );
    let folder = ClassifierFolder::new(&classifiers);
    let best = folder.best_models().unwrap().0;
    let trained = Classifier::open(&classifiers.join(&best[&12].model_file)).unwrap();
    assert_eq!(
        trained.record.embedding_models,
        [EmbeddingModel::new("clip-vit-b-32")],
        "of a weights directory no hash is known"
    );
    assert_eq!(trained.record.exif_orientation_applied, Some(true));
    assert_eq!(
        best[&12].embedding_type.as_deref(),
        Some("embed_clip_vit_b_32")
    );
}

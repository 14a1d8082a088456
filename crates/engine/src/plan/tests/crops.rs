use imaging::Limits;
use models::clip;

use super::fake::{Fake, Finds, found};
use super::{CLIP, answers, face, image, person, shown, vector, whole};
use crate::lineup::Role;
use crate::result::Status;

#[test]
fn an_embedding_of_a_crop_shows_it_and_one_of_the_whole_image_shows_none() {
    let tasks = [
        face("face", CLIP),
        person("person", CLIP),
        whole("whole", CLIP),
    ];
    let results = answers(&tasks, &Fake::default());
    assert_eq!(results["whole"].crop, None);
    for (id, bbox) in [("face", [1, 0, 7, 9]), ("person", [1, 2, 6, 9])] {
        let crop = imaging::crop(&image(), bbox, &Limits::default()).unwrap();
        let looked_at = clip::Variant::VitB32.recipe().apply(&crop).unwrap();
        let expected = (Fake::default().vector)(Role::Clip, &looked_at).unwrap();
        assert_eq!(shown(&results[id]), (bbox, crop));
        assert_eq!(vector(&results[id]), expected);
        assert_ne!(vector(&results["whole"]), expected);
    }
}

#[test]
fn a_face_s_box_beyond_the_image_is_black_there() {
    let beyond = Fake {
        faces: |_| Ok(vec![found([-2.5, 8.0, 3.0, 12.9], 0.9)]),
        ..Fake::default()
    };
    let results = answers(&[face("f", CLIP)], &beyond);
    let (bbox, pixels) = shown(&results["f"]);
    assert_eq!(bbox, [-2, 8, 3, 12]);
    assert_eq!((pixels.width(), pixels.height()), (5, 4));
    assert_eq!(pixels.row(0)[..6], [0; 6]);
    assert_eq!(pixels.row(0)[6..], image().row(8)[..9]);
    assert_eq!(pixels.row(2), [0; 15]);
}

#[test]
fn a_box_that_cannot_be_cut_out_is_told() {
    let degenerate: [(Finds, Status, &str); 4] = [
        (
            |_| Ok(vec![found([3.0, 3.0, 3.9, 5.0], 0.9)]),
            Status::Skipped,
            "the prominent face's box [3, 3, 3, 5] holds no pixel",
        ),
        (
            |_| Ok(vec![found([5.0, 3.0, 2.0, 5.0], 0.9)]),
            Status::Skipped,
            "the prominent face's box [5, 3, 2, 5] holds no pixel",
        ),
        (
            |_| Ok(vec![found([f32::NAN, 0.0, 0.0, f32::NAN], 0.9)]),
            Status::Skipped,
            "the prominent face's box [0, 0, 0, 0] holds no pixel",
        ),
        (
            |_| Ok(vec![found([f32::MIN, -1e9, f32::INFINITY, 1e9], 0.9)]),
            Status::Error,
            "crop box [-2147483648, -1000000000, 2147483647, 1000000000] is too large",
        ),
    ];
    for (faces, status, said) in degenerate {
        let models = Fake {
            faces,
            vector: |_, _| panic!("there is nothing to embed"),
            ..Fake::default()
        };
        let results = answers(&[face("f", CLIP)], &models);
        assert_eq!(results["f"].status, status);
        let message = results["f"].error_message.as_deref().unwrap();
        assert!(message.starts_with(said), "{message}");
        assert_eq!((&results["f"].data, &results["f"].crop), (&None, &None));
    }
}

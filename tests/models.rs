//! `image-embed models` on seeded checkpoints.

mod command;

use std::path::Path;

use command::image_embed;

fn models(arguments: &[&str]) -> (bool, String, String) {
    let output = image_embed(&["models"]).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn count(text: &str, word: &str) -> usize {
    text.lines()
        .filter(|line| line.split_whitespace().next() == Some(word))
        .count()
}

#[test]
fn seeded_checkpoints_are_written_once_and_marked_wherever_they_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let (ok, written, _) = models(&["seed", dir, "mtcnn"]);
    assert!(ok && count(&written, "seeded") == 3, "{written}");
    assert_eq!(written.matches("untrained").count(), 3);
    assert!(
        folder
            .path()
            .join("facenet-pytorch/onet.safetensors")
            .is_file()
    );
    let (ok, again, _) = models(&["seed", dir, "mtcnn"]);
    assert!(ok && count(&again, "present") == 3, "{again}");
    assert_eq!(written.replace("seeded  ", "present "), again);
    let (ok, other, _) = models(&["seed", dir, "mtcnn", "--seed", "1"]);
    assert!(ok && count(&other, "seeded") == 3, "{other}");

    let (ok, listed, _) = models(&["list", "--weights-dir", dir]);
    assert!(ok && count(&listed, "present") == 3, "{listed}");
    assert_eq!(listed.matches("(untrained").count(), 3, "{listed}");
    assert_eq!(count(&listed, "missing"), 12, "{listed}");
    assert_eq!(listed.matches("pulled when named").count(), 4, "{listed}");
    let (ok, verified, _) = models(&["verify", "mtcnn", "--weights-dir", dir]);
    assert!(ok && count(&verified, "unproven") == 3, "{verified}");
    let (ok, pulled, _) = models(&["pull", "mtcnn", "--offline", "--weights-dir", dir]);
    assert!(
        ok && pulled.matches("(untrained").count() == 3,
        "it says what they are: {pulled}"
    );
}

#[test]
fn a_real_file_is_never_seeded_over() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let real = Path::new("timm/vit_base_patch14_dinov2.lvd142m/model.safetensors");
    let real = folder.path().join(real);
    std::fs::create_dir_all(real.parent().unwrap()).unwrap();
    std::fs::write(&real, b"what somebody downloaded").unwrap();
    let (ok, said, _) = models(&["seed", dir, "dinov2-vit-b-14", "mtcnn"]);
    assert!(!ok && count(&said, "FAILED") == 1, "{said}");
    assert!(
        said.contains("model.safetensors is not a seeded checkpoint and is left as it is"),
        "{said}"
    );
    assert_eq!(count(&said, "seeded"), 3, "the others are written: {said}");
    assert_eq!(std::fs::read(&real).unwrap(), b"what somebody downloaded");
}

#[test]
fn an_unknown_model_is_answered_with_the_known_ones() {
    let (ok, _, said) = models(&["seed", "/nonexistent", "clip"]);
    assert!(!ok, "{said}");
    assert!(
        said.contains("unknown model 'clip' (known: mtcnn, clip-vit-b-32, clip-vit-b-16,"),
        "{said}"
    );
}

//! Missing, unread, misshaped and wrongly typed tensors are errors that name them.

use std::borrow::Cow;
use std::thread;

use weights::{Checkpoint, CheckpointError, Dtype};

/// A safetensors file with these tensors of zeros.
fn safetensors(tensors: &[(&str, &str, &[usize], usize)]) -> Vec<u8> {
    let mut header = r#"{"__metadata__":{"image-embed":"untrained"}"#.to_owned();
    let mut at = 0;
    for (name, dtype, shape, bytes) in tensors {
        header += &format!(
            r#","{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{at},{}]}}"#,
            at + bytes
        );
        at += bytes;
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + at, 0);
    file
}

fn checkpoint() -> Checkpoint {
    let file = safetensors(&[
        ("conv1.weight", "F32", &[2, 3], 24),
        ("conv1.bias", "F16", &[2], 4),
        ("head.fc.weight", "F32", &[1], 4),
        ("head.fc.bias", "F32", &[1], 4),
        ("steps", "I64", &[], 8),
    ]);
    Checkpoint::from_bytes("toy.safetensors", file).expect("well formed")
}

#[test]
fn a_model_that_reads_everything_finishes() {
    let checkpoint = checkpoint();
    let root = checkpoint.root();
    let conv1 = root.pp("conv1");
    assert_eq!(conv1.prefix(), "conv1");
    assert_eq!(conv1.f32("weight", &[2, 3]).expect("there").len(), 6);
    assert_eq!(conv1.f32("bias", &[2]).expect("widened"), [0.0, 0.0]);
    assert_eq!(root.i64("steps", &[]).expect("there"), [0]);
    root.ignore("head.*", "the classifier is not used");
    checkpoint.finish().expect("nothing is left");
    let reason = "the classifier is not used";
    assert_eq!(
        checkpoint.ignored(),
        [
            ("head.fc.bias".to_owned(), reason),
            ("head.fc.weight".to_owned(), reason)
        ]
    );
    assert_eq!(checkpoint.metadata()["image-embed"], "untrained");
}

#[test]
fn numbers_are_lent_where_the_file_has_them_as_wanted() {
    let numbers = [1.0_f32, -2.5, f32::MIN_POSITIVE, 4e30, 0.0, -0.0];
    for padding in 0..8 {
        let padding = " ".repeat(padding);
        let header = format!(
            r#"{{"x":{{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}},"h":{{"dtype":"BF16","shape":[2],"data_offsets":[24,28]}}}}{padding}"#
        );
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        let aligned = file.len().is_multiple_of(4);
        file.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        file.extend([0x80, 0x3F, 0x00, 0xC0]);
        let checkpoint = Checkpoint::from_bytes("toy", file).expect("well formed");
        let root = checkpoint.root();
        let lent = root.f32_cow("x", &[2, 3]).expect("there");
        assert_eq!(&*lent, numbers);
        // A vector of bytes may itself begin anywhere, but allocators give multiples of 8.
        assert_eq!(matches!(lent, Cow::Borrowed(_)), aligned);
        let widened = root.f32_cow("h", &[2]).expect("there");
        assert!(matches!(widened, Cow::Owned(_)));
        assert_eq!(&*widened, [1.0, -2.0]);
        root.f32_cow("x", &[6]).expect_err("misshaped");
        checkpoint.finish().expect("all read");
    }
}

#[test]
fn a_checkpoint_says_that_it_is_untrained() {
    for (metadata, untrained) in [
        (r#""image_embed.untrained":"true""#, true),
        (r#""image_embed.untrained":"false""#, false),
        (r#""format":"pt""#, false),
    ] {
        let header = format!(r#"{{"__metadata__":{{{metadata}}}}}"#);
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        let checkpoint = Checkpoint::from_bytes("toy", file).expect("well formed");
        assert_eq!(checkpoint.untrained(), untrained, "{metadata}");
    }
}

#[test]
fn what_is_left_over_is_named() {
    let checkpoint = checkpoint();
    checkpoint
        .root()
        .f32("conv1.weight", &[2, 3])
        .expect("there");
    checkpoint.root().pp("head").ignore("fc.weight", "not used");
    // A prefix ends at the star, not at a dot of its own making.
    checkpoint
        .root()
        .ignore("step", "is not a name in the file");
    let error = checkpoint.finish().expect_err("three are left").to_string();
    assert_eq!(
        error,
        "toy.safetensors: 3 of its tensors not used by this model: conv1.bias, head.fc.bias, steps"
    );
}

#[test]
fn a_missing_tensor_is_named_with_the_shape_it_should_have() {
    let checkpoint = checkpoint();
    let error = checkpoint
        .root()
        .pp("conv2")
        .pp(0)
        .f32("weight", &[4, 2])
        .expect_err("missing");
    assert_eq!(
        error.to_string(),
        "toy.safetensors: no tensor 'conv2.0.weight' (expected shape [4, 2])"
    );
    assert!(!checkpoint.root().contains("conv2.0.weight"));
    assert!(checkpoint.root().pp("conv1").contains("bias"));
}

#[test]
fn another_shape_is_named_with_both() {
    let checkpoint = checkpoint();
    let error = checkpoint
        .root()
        .f32("conv1.weight", &[3, 2])
        .expect_err("misshaped");
    assert_eq!(
        error.to_string(),
        "toy.safetensors: tensor 'conv1.weight' has shape [2, 3], expected [3, 2]"
    );
    assert_eq!(
        checkpoint.root().shape("conv1.weight"),
        Some([2, 3].as_slice())
    );
    // A failed read is no read.
    assert!(
        checkpoint
            .finish()
            .expect_err("unread")
            .to_string()
            .contains("conv1.weight")
    );
}

#[test]
fn another_type_is_named_with_both() {
    let checkpoint = checkpoint();
    let root = checkpoint.root();
    let error = root.f32("steps", &[]).expect_err("an integer");
    assert_eq!(
        error.to_string(),
        "toy.safetensors: tensor 'steps' has type I64, expected F32, F16 or BF16"
    );
    let error = root.i64("conv1.bias", &[2]).expect_err("a float");
    assert!(
        matches!(
            error,
            CheckpointError::Type {
                found: Dtype::F16,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_checkpoint_is_read_by_several_threads() {
    let checkpoint = checkpoint();
    thread::scope(|scope| {
        scope.spawn(|| {
            checkpoint
                .root()
                .f32("conv1.weight", &[2, 3])
                .expect("there")
        });
        scope.spawn(|| checkpoint.root().f32("conv1.bias", &[2]).expect("there"));
        scope.spawn(|| checkpoint.root().i64("steps", &[]).expect("there"));
    });
    checkpoint.root().ignore("head.*", "not used");
    checkpoint.finish().expect("all read");
}

#[test]
fn a_safetensors_file_that_is_cut_or_padded_or_lies_is_refused() {
    let whole = safetensors(&[("x", "F32", &[4], 16)]);
    for length in 0..whole.len() {
        Checkpoint::from_bytes("cut", whole[..length].to_vec()).expect_err("cut");
    }
    let padded = [whole.as_slice(), &[0]].concat();
    let error = Checkpoint::from_bytes("padded", padded)
        .expect_err("padded")
        .to_string();
    assert!(error.contains("tensors of 16 bytes in 17"), "{error}");
    for (tensors, what) in [
        (
            safetensors(&[("x", "F32", &[5], 16)]),
            "more values than bytes",
        ),
        (safetensors(&[("x", "F9", &[4], 16)]), "an unknown type"),
        (u64::MAX.to_le_bytes().to_vec(), "a header of any length"),
        (b"\x02\0\0\0\0\0\0\0[]".to_vec(), "a header that is a list"),
        (b"<!DOCTYPE html><html>".to_vec(), "a page"),
        (Vec::new(), "nothing"),
    ] {
        Checkpoint::from_bytes("lie", tensors).expect_err(what);
    }
}

#[test]
fn files_that_cannot_be_opened_are_named() {
    let directory = tempfile::tempdir().expect("directory");
    let error = Checkpoint::open(directory.path()).expect_err("a directory");
    assert!(matches!(error, CheckpointError::Io { .. }), "{error:?}");
    let absent = directory.path().join("absent.pt");
    let error = Checkpoint::open(&absent).expect_err("absent").to_string();
    assert!(error.contains("absent.pt"), "{error}");
    std::fs::write(&absent, b"").expect("writable");
    Checkpoint::open(&absent).expect_err("empty");
}

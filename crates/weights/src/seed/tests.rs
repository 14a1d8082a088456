use std::collections::BTreeMap;
use std::fs;

use sha2::{Digest, Sha256};

use super::*;
use crate::catalog;
use crate::progress::Silent;

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    digest::hex(Sha256::new_with_prefix(bytes))
}

/// For each file of the catalogue: its tensors, their bytes, and the SHA-256 of the sorted lines
/// `NAME [SHAPE]`, all taken from `state_dict()` of `facenet_pytorch` 2.6.0, `open_clip`
/// (`ViT-B-32-quickgelu` and so on), timm (`vit_base_patch14_dinov2.lvd142m`), torchvision (with
/// the names that its first versions gave the convolutions of pyramid and proposal network, as the
/// file has them) and transformers 5.24 (`BlipForConditionalGeneration`, without what it ties).
const UPSTREAM: [(usize, u64, &str); 11] = [
    (
        13,
        26_528,
        "0456da6442842adb3dfaaadb0da67a89c49f5f253121f051fc1315b02051782e",
    ),
    (
        16,
        400_712,
        "a7e54061a7c6e26663efacfc8f940758e9376a430d9f2052df3d501050795034",
    ),
    (
        21,
        1_556_160,
        "d7882cd7122f9f86de5b26f680c5dfe8ad474f2ac903e8de7048cbb32d875eba",
    ),
    (
        302,
        605_109_252,
        "0d660f7ef7643fda8abef6aef2a6192d811f6eacf99206df8e26287710ae3c16",
    ),
    (
        302,
        598_482_948,
        "1376b68ef9f46d4349dd5202839d3b6a1ddb1096cdc31833a59c13bff3599434",
    ),
    (
        446,
        1_710_466_052,
        "cc3359a532beda7c38605f847afa4ba3be9ea3cbcb45935d59684d9a4f975814",
    ),
    (
        446,
        1_711_776_772,
        "ecc3666d4b5ce5151d9f4ef1cc8db3a16e0d362769027bf069b7e13870a27f02",
    ),
    (
        174,
        346_318_848,
        "0fd43ca70bfac09678daf1233494c3e0fbad9ab2c43f6b9f811144e6e7ee3e1f",
    ),
    (
        295,
        167_446_104,
        "cd2aa77d893bb6fddd275ae90baddc6ed79dcb3c6f05d95f989350940732e1f0",
    ),
    (
        615,
        1_785_161_968,
        "22adbf5d6f263510f87d5ad79fa3be37a62b654ad04b0f017461b638a9e933f8",
    ),
    (
        471,
        895_886_576,
        "b7b85214fbe9cbb361ad5875fdf6a3b64d249bd8288e6586b1d25e63adcd8d36",
    ),
];

#[test]
fn every_file_of_the_catalogue_has_upstream_s_names_and_shapes() {
    let files = catalog::ALL.iter().flat_map(|model| model.files);
    let (texts, checkpoints): (Vec<&FileEntry>, Vec<&FileEntry>) =
        files.partition(|file| text_of(file.path).is_some());
    assert_eq!(texts.len(), 4);
    assert_eq!(checkpoints.len(), UPSTREAM.len());
    for (file, (tensors, bytes, listing)) in checkpoints.into_iter().zip(UPSTREAM) {
        let content = Content::new(tensors_of(file.path).unwrap(), 0);
        // The header is written in full; the numbers are a hole in the file.
        let hole = tempfile::NamedTempFile::new().unwrap();
        let mut header = None;
        let _ = content.chunks(|bytes| {
            header.get_or_insert(bytes.to_vec());
            Err(())
        });
        let header = header.unwrap();
        fs::write(&hole, &header).unwrap();
        assert_eq!(
            content.length(),
            header.len() as u64 + bytes,
            "{}",
            file.path
        );
        hole.as_file().set_len(content.length()).unwrap();

        let checkpoint = Checkpoint::open(hole.path()).unwrap();
        assert!(checkpoint.untrained());
        let found: BTreeMap<_, _> = checkpoint
            .tensors()
            .map(|(name, dtype, shape)| (name, format!("{dtype} {shape:?}")))
            .collect();
        assert_eq!(found.len(), tensors, "{}", file.path);
        let lines: String = found
            .iter()
            .map(|(name, kind)| format!("{name} {}\n", kind.strip_prefix("F32 ").unwrap()))
            .collect();
        assert_eq!(sha256(lines), listing, "{}", file.path);
    }
}

/// SHA-256 of tensors as numpy computes them with `parity/formula.py`'s functions.
#[test]
fn numbers_are_the_formula_s() {
    for (model, seed, name, expected) in [
        (
            "dinov2-vit-b-14",
            0,
            "blocks.3.ls1.gamma",
            "6db9b54f65c2083c40cfafecd977b55b82ba5a2c8cdeffa6ad75e0fde3a5e3fc",
        ),
        (
            "dinov2-vit-b-14",
            7,
            "blocks.3.ls1.gamma",
            "873bbabfd08b2537e46b9fc595657d76fba22647c0d61c97ac730a2349c02713",
        ),
        (
            "dinov2-vit-b-14",
            0,
            "blocks.11.attn.qkv.weight",
            "15ec323dcdb6ca22761b6b25b09a087eb56414a4d928902523e212cccefca36b",
        ),
        (
            "clip-vit-b-32",
            0,
            "visual.proj",
            "4d57098d245473f90a57ab097fdeaa71ce80d237a3ae8f38b8a2f77dad5eea69",
        ),
        (
            "clip-vit-b-32",
            0,
            "logit_scale",
            "3090c1b63f5f32b24f3fac87bfd25ae674a995aa346cd010de424634c260779f",
        ),
        (
            "fasterrcnn-resnet50-fpn",
            0,
            "backbone.body.layer3.2.conv2.weight",
            "2f0cc1ca8f0d6eadc85a3265910dd62d68be9cde842c651f1017d23ef9a7fdc0",
        ),
        (
            "fasterrcnn-resnet50-fpn",
            0,
            "roi_heads.box_predictor.cls_score.bias",
            "260770bf0022694c9099c24c317446e68830bf3d9fb3127d2bfeac115cf2ca63",
        ),
    ] {
        let mut tensors = tensors_of(catalog::find(model).unwrap().files[0].path).unwrap();
        tensors.0.retain(|tensor| tensor.name == name);
        let content = Content::new(tensors, seed);
        let mut numbers = Vec::new();
        let mut chunks = 0;
        let _: Result<(), ()> = content.chunks(|bytes| {
            if chunks > 0 {
                numbers.extend_from_slice(bytes);
            }
            chunks += 1;
            Ok(())
        });
        assert_eq!(sha256(numbers), expected, "{name} of seed {seed}");
    }
}

#[test]
fn one_seed_gives_one_file_and_another_seed_another() {
    let folder = tempfile::tempdir().unwrap();
    for file in catalog::find("mtcnn").unwrap().files {
        let seed = |seed| write(folder.path(), file, seed, &Silent).unwrap();
        let first = seed(3);
        assert!(first.written);
        let bytes = fs::read(&first.path).unwrap();
        assert_eq!(sha256(&bytes), first.sha256);
        assert_eq!(
            seed(3),
            Seeded {
                written: false,
                ..first.clone()
            }
        );
        let other = seed(4);
        assert!(other.written && other.sha256 != first.sha256);
        // Of another seed each tensor is another.
        let (before, after) = (
            Checkpoint::from_bytes("before", bytes).unwrap(),
            Checkpoint::open(&other.path).unwrap(),
        );
        for (name, _, shape) in before.tensors() {
            let read = |checkpoint: &Checkpoint| checkpoint.root().f32(name, shape).unwrap();
            assert_ne!(read(&before), read(&after), "{name}");
        }
        before.finish().unwrap();
        assert_eq!(after.metadata()["image_embed.seed"], "4");
        assert_eq!(after.metadata()["format"], "pt");
    }
    assert_eq!(
        crate::Store::new(crate::StoreConfig {
            weights_dir: Some(folder.path().to_owned()),
            ..crate::StoreConfig::from_variables(|_| Some("/nonexistent".to_owned())).unwrap()
        })
        .locate(&catalog::find("mtcnn").unwrap().files[0])
        .unwrap(),
        folder.path().join("facenet-pytorch/pnet.safetensors")
    );
}

#[test]
fn what_is_not_seeded_is_left_alone() {
    let [pnet, ..] = catalog::find("mtcnn").unwrap().files else {
        panic!("mtcnn has files")
    };
    for name in [
        "facenet-pytorch/pnet.pt",
        "facenet-pytorch/pnet.safetensors",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let header = br#"{"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#;
        let length = (header.len() as u64).to_le_bytes();
        let trained = [&length[..], header, &[0; 4]].concat();
        Checkpoint::from_bytes("trained", trained.clone()).unwrap();
        for theirs in [b"anything".to_vec(), trained] {
            fs::write(&path, &theirs).unwrap();
            let error = write(folder.path(), pnet, 0, &Silent).unwrap_err();
            assert!(matches!(&error, StoreError::NotUntrained { path: named } if *named == path));
            assert_eq!(fs::read(&path).unwrap(), theirs);
        }
    }
}

#[test]
fn settings_and_vocabularies_are_seeded_too() {
    let folder = tempfile::tempdir().unwrap();
    let [config, tokenizer, _] = catalog::find("blip-image-captioning-large").unwrap().files else {
        panic!("three files")
    };
    for (file, expected) in [
        (
            config,
            "20deac9a2e288d31f8bf303796d5406fc57ad43e8777679939638dc75493ed3f",
        ),
        (
            tokenizer,
            "625a2de066b0417c6278a70cc6e9f6d94d33d4d1e26c9009f9c003b9b8118d99",
        ),
    ] {
        let seeded = write(folder.path(), file, 0, &Silent).unwrap();
        assert!(seeded.written);
        assert_eq!(seeded.sha256, expected, "{}", file.path);
        assert!(!write(folder.path(), file, 1, &Silent).unwrap().written);
        // An older version's is replaced, upstream's is not.
        fs::write(&seeded.path, format!("{{\"{UNTRAINED}\": true}}")).unwrap();
        assert_eq!(write(folder.path(), file, 0, &Silent).unwrap(), seeded);
        fs::write(&seeded.path, "{}").unwrap();
        let error = write(folder.path(), file, 0, &Silent).unwrap_err();
        assert!(matches!(error, StoreError::NotUntrained { .. }));
    }
}

#[test]
fn a_file_that_only_looks_seeded_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let pnet = &catalog::find("mtcnn").unwrap().files[0];
    let seeded = write(folder.path(), pnet, 0, &Silent).unwrap();
    let mut bytes = fs::read(&seeded.path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&seeded.path, bytes).unwrap();
    assert_eq!(write(folder.path(), pnet, 0, &Silent).unwrap(), seeded);
    // What a killed run left is no obstacle.
    let incomplete = seeded.path.with_extension("safetensors.incomplete");
    fs::write(&incomplete, b"half").unwrap();
    fs::remove_file(&seeded.path).unwrap();
    assert_eq!(write(folder.path(), pnet, 0, &Silent).unwrap(), seeded);
    assert!(!incomplete.exists());
}

#[test]
fn files_without_a_seeded_form_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = FileEntry {
        path: "facenet-pytorch/qnet.pt",
        ..catalog::find("mtcnn").unwrap().files[0]
    };
    let error = write(folder.path(), &file, 0, &Silent).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mtcnn: nothing says how to seed facenet-pytorch/qnet.pt"
    );
    assert!(!folder.path().join(".locks").exists());
}

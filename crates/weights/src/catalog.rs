//! Which files each model is made of, where they come from, and how to know them.

/// Where upstream keeps a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A plain URL.
    Url(&'static str),
    /// A file of a model repository on the Hugging Face Hub.
    Hub(HubFile),
}

/// A file of a model repository on the Hugging Face Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    /// `owner/name`.
    pub repo: &'static str,
    /// A commit, branch or tag.
    pub revision: &'static str,
    /// Path within the repository.
    pub file: &'static str,
}

/// One upstream file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEntry {
    /// The model it belongs to, as `models pull` knows it.
    pub model: &'static str,
    /// Its path below a weights directory: `owner/repository/file`, named as at its source.
    pub path: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 of its content in lowercase hexadecimal, where known: whole, or as many of its first
    /// digits as upstream publishes, at least 8.
    pub sha256: Option<&'static str>,
    /// Its length in bytes, where known.
    pub bytes: Option<u64>,
}

/// A model's files and the terms they come under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFiles {
    /// Short name, as users type it.
    pub name: &'static str,
    /// SPDX identifier of the licence of the weights.
    pub licence: &'static str,
    /// The page that says so.
    pub page: &'static str,
    /// Whether it is meant by commands that name no model; the others are served only on demand.
    pub by_default: bool,
    /// The files, all of them needed.
    pub files: &'static [FileEntry],
}

/// Every model this version knows.
pub const ALL: &[ModelFiles] = &[
    MTCNN,
    CLIP_VIT_B_32,
    CLIP_VIT_B_16,
    CLIP_VIT_L_14,
    CLIP_VIT_L_14_336,
    DINOV2_VIT_B_14,
    FASTERRCNN_RESNET50_FPN,
    BLIP_LARGE,
    BLIP_BASE,
];

/// The model called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static ModelFiles> {
    ALL.iter().find(|model| model.name == name)
}

// facenet-pytorch's own files at one commit; its PyPI wheel 2.6.0 carries the same bytes.
macro_rules! facenet_pytorch {
    ($file:literal) => {
        Source::Url(concat!(
            "https://raw.githubusercontent.com/timesler/facenet-pytorch/",
            "787da06156087cd6b616fe6608213722bddc30cd/data/",
            $file
        ))
    };
}

const MTCNN: ModelFiles = ModelFiles {
    name: "mtcnn",
    licence: "MIT",
    page: "https://github.com/timesler/facenet-pytorch",
    by_default: true,
    files: &[
        FileEntry {
            model: "mtcnn",
            path: "facenet-pytorch/pnet.pt",
            source: facenet_pytorch!("pnet.pt"),
            sha256: Some("a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f"),
            bytes: Some(28_570),
        },
        FileEntry {
            model: "mtcnn",
            path: "facenet-pytorch/rnet.pt",
            source: facenet_pytorch!("rnet.pt"),
            sha256: Some("bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86"),
            bytes: Some(403_147),
        },
        FileEntry {
            model: "mtcnn",
            path: "facenet-pytorch/onet.pt",
            source: facenet_pytorch!("onet.pt"),
            sha256: Some("165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d"),
            bytes: Some(1_559_269),
        },
    ],
};

// Files on the Hub, which tells their hashes when they are pulled.
macro_rules! hub {
    ($model:literal, $repo:literal, $($file:literal),+) => {
        &[$(FileEntry {
            model: $model,
            path: concat!($repo, "/", $file),
            source: Source::Hub(HubFile {
                repo: $repo,
                revision: "main",
                file: $file,
            }),
            sha256: None,
            bytes: None,
        }),+]
    };
}

// OpenAI's weights in open_clip's format, as open_clip's own table names their repositories.
macro_rules! clip {
    ($model:literal, $repo:literal, $by_default:literal) => {
        ModelFiles {
            name: $model,
            licence: "MIT",
            page: "https://github.com/openai/CLIP",
            by_default: $by_default,
            files: hub!($model, $repo, "open_clip_model.safetensors"),
        }
    };
}

const CLIP_VIT_B_32: ModelFiles = clip!(
    "clip-vit-b-32",
    "timm/vit_base_patch32_clip_224.openai",
    true
);
const CLIP_VIT_B_16: ModelFiles = clip!(
    "clip-vit-b-16",
    "timm/vit_base_patch16_clip_224.openai",
    false
);
const CLIP_VIT_L_14: ModelFiles = clip!(
    "clip-vit-l-14",
    "timm/vit_large_patch14_clip_224.openai",
    false
);
const CLIP_VIT_L_14_336: ModelFiles = clip!(
    "clip-vit-l-14-336",
    "timm/vit_large_patch14_clip_336.openai",
    false
);

const DINOV2_VIT_B_14: ModelFiles = ModelFiles {
    name: "dinov2-vit-b-14",
    licence: "Apache-2.0",
    page: "https://github.com/facebookresearch/dinov2",
    by_default: true,
    files: hub!(
        "dinov2-vit-b-14",
        "timm/vit_base_patch14_dinov2.lvd142m",
        "model.safetensors"
    ),
};

// torch hub names a file by the first 8 digits of its hash, and verifies no more than those.
const FASTERRCNN_RESNET50_FPN: ModelFiles = ModelFiles {
    name: "fasterrcnn-resnet50-fpn",
    licence: "BSD-3-Clause",
    page: "https://github.com/pytorch/vision",
    by_default: true,
    files: &[FileEntry {
        model: "fasterrcnn-resnet50-fpn",
        path: "torchvision/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
        source: Source::Url(
            "https://download.pytorch.org/models/fasterrcnn_resnet50_fpn_coco-258fb6c6.pth",
        ),
        sha256: Some("258fb6c6"),
        bytes: None,
    }],
};

// Settings, vocabulary and weights, in this order.
const BLIP_LARGE: ModelFiles = ModelFiles {
    name: "blip-image-captioning-large",
    licence: "BSD-3-Clause",
    page: "https://huggingface.co/Salesforce/blip-image-captioning-large",
    by_default: true,
    files: hub!(
        "blip-image-captioning-large",
        "Salesforce/blip-image-captioning-large",
        "config.json",
        "tokenizer.json",
        "model.safetensors"
    ),
};

// Its repository has no safetensors.
const BLIP_BASE: ModelFiles = ModelFiles {
    name: "blip-image-captioning-base",
    licence: "BSD-3-Clause",
    page: "https://huggingface.co/Salesforce/blip-image-captioning-base",
    by_default: false,
    files: hub!(
        "blip-image-captioning-base",
        "Salesforce/blip-image-captioning-base",
        "config.json",
        "tokenizer.json",
        "pytorch_model.bin"
    ),
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn entries_are_well_formed() {
        let mut paths = HashSet::new();
        for model in ALL {
            assert!(!model.files.is_empty() && model.page.starts_with("https://"));
            for file in model.files {
                assert_eq!(file.model, model.name);
                assert!(paths.insert(file.path), "{} is listed twice", file.path);
                assert!(
                    file.path
                        .split('/')
                        .all(|part| !part.is_empty() && part != "..")
                );
                if let Source::Hub(hub) = file.source {
                    assert_eq!(file.path, format!("{}/{}", hub.repo, hub.file));
                }
                if let Some(sha256) = file.sha256 {
                    assert!((8..=64).contains(&sha256.len()));
                    assert!(sha256.bytes().all(|c| c.is_ascii_hexdigit()));
                    assert_eq!(sha256, sha256.to_lowercase());
                }
            }
        }
    }

    #[test]
    fn names_are_found() {
        assert_eq!(find("mtcnn").map(|model| model.files.len()), Some(3));
        assert_eq!(find("MTCNN"), None);
    }

    #[test]
    fn only_one_model_of_a_kind_is_meant_by_default() {
        let defaults: Vec<_> = ALL
            .iter()
            .filter(|model| model.by_default)
            .map(|model| model.name)
            .collect();
        let expected = [
            "mtcnn",
            "clip-vit-b-32",
            "dinov2-vit-b-14",
            "fasterrcnn-resnet50-fpn",
            "blip-image-captioning-large",
        ];
        assert_eq!(defaults, expected);
    }
}

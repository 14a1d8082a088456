//! The catalogue's own rows, pulled from a Hub that has them.

use weights::{Reference, Silent, Store, StoreConfig, catalog};

use crate::server::{Reply, Server};
use crate::toy::{config, content, sha256};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Has one large file, wherever a request looks for it under one of `paths`.
fn hub(paths: [&'static str; 2], body: Vec<u8>) -> Server {
    Server::start(move |request| {
        if !paths.contains(&request.path.as_str()) {
            return Reply::status(404)
                .with("X-Error-Code", "EntryNotFound")
                .with("X-Repo-Commit", COMMIT);
        }
        Reply::range(request, &body)
            .with("X-Repo-Commit", COMMIT)
            .with("ETag", format!("\"{}\"", sha256(&body)))
    })
}

#[test]
fn hub_rows_are_pulled_from_the_repositories_upstream_names() {
    for (model, main, pinned, cached) in [
        (
            "clip-vit-b-32",
            "/timm/vit_base_patch32_clip_224.openai/resolve/main/open_clip_model.safetensors",
            "/timm/vit_base_patch32_clip_224.openai/resolve/0123456789abcdef0123456789abcdef01234567/open_clip_model.safetensors",
            "models--timm--vit_base_patch32_clip_224.openai/snapshots/0123456789abcdef0123456789abcdef01234567/open_clip_model.safetensors",
        ),
        (
            "dinov2-vit-b-14",
            "/timm/vit_base_patch14_dinov2.lvd142m/resolve/main/model.safetensors",
            "/timm/vit_base_patch14_dinov2.lvd142m/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors",
            "models--timm--vit_base_patch14_dinov2.lvd142m/snapshots/0123456789abcdef0123456789abcdef01234567/model.safetensors",
        ),
    ] {
        let [file] = catalog::find(model).expect("a row").files else {
            panic!("{model} is one file");
        };
        let body = content(20_000);
        let server = hub([main, pinned], body.clone());
        let home = tempfile::tempdir().expect("directory");
        let cache = StoreConfig {
            hub_endpoint: server.url.clone(),
            ..config(home.path())
        };
        let dir = home.path().join("weights");
        let into_dir = Store::new(StoreConfig {
            weights_dir: Some(dir.clone()),
            ..cache.clone()
        });
        let store = Store::new(cache);

        let path = store.pull(file, &Silent).expect("served");
        assert_eq!(
            path,
            home.path().join(".cache/huggingface/hub").join(cached)
        );
        let verified = store.verify(file).expect("as the Hub names it");
        assert_eq!(
            (verified.against, verified.sha256.as_str()),
            (Reference::Hub, sha256(&body))
        );
        let path = into_dir.pull(file, &Silent).expect("served");
        assert_eq!(path, dir.join(file.path));
        assert_eq!(std::fs::read(path).expect("readable"), body);
    }
}

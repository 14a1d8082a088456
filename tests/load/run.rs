use std::path::PathBuf;

use serde_json::Value;

use crate::binary::image_embed;
use crate::server::Server;

/// What a run of `load` with `--json` said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) error: String,
}

impl Run {
    pub(crate) fn measured(&self, field: &str) -> &Value {
        &self.report["measured"][field]
    }
}

/// Runs `load` with the images `a.png` and `b.png`, each of which holds its own name.
pub(crate) fn load(server: &Server, arguments: &[&str]) -> Run {
    load_url(&server.url(), arguments)
}

pub(crate) fn load_url(url: &str, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let image = |name: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        path
    };
    let (a, b) = (image("a.png"), image("b.png"));
    let mut command = image_embed(&["load", url, "--json", "--image"]);
    command.arg(a).arg("--image").arg(b).args(arguments);
    let output = command.output().unwrap();
    Run {
        code: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

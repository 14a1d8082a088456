//! The service itself, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::binary::image_embed;

/// Killed when dropped.
pub(crate) struct Service {
    process: Child,
    address: String,
}

impl Service {
    /// Serves the weights in this folder on a free port.
    pub(crate) fn start(weights_dir: &Path) -> Self {
        let serve = ["serve", "--port", "0", "--offline", "--log-format", "json"];
        let mut process = image_embed(&serve)
            .arg("--weights-dir")
            .arg(weights_dir)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["address"].as_str().map(str::to_owned)
        });
        // Read on: a full pipe would stop the service.
        std::thread::spawn(move || log.count());
        let address = address.expect("the service listens");
        Self { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
